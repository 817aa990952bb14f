/**
 * `npm run proof`: tries what the service claims to withstand, row by row, and prints the table with today's figures.
 * `npm run proof -- signals browsers` tries the rows of these files. A file in rows/ is a row; nothing else lists them.
 * Ends with 1 where a row does not hold, 2 where one is asked for that is not there. Takes the better part of an hour.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome, Row } from './row.ts'

const folder = join(import.meta.dirname, 'rows')

export const rowNames = (): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.replace('.ts', ''))
    .sort()

/** One line of the table. What does not hold is marked, so that it can be found in a row of many figures. */
export function line({ name, must }: Pick<Row, 'name' | 'must'>, { figures, held }: Outcome): string {
  const told = figures.map((figure) => `${figure.name} ${figure.value}${figure.holds ? '' : ' (!)'}`)
  const cells = [name, must, told.join(', '), held ? 'yes' : '**no**']
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}

/** A row that could not be tried does not hold. */
export const tried = (row: Pick<Row, 'run'>): Promise<Outcome> =>
  row.run().catch((error: unknown) => ({
    figures: [{ name: 'not tried to the end:', value: String(error), holds: false }],
    held: false,
  }))

/** Tries rows one after the other: each has the machine for itself. Resolves with whether all hold. */
export async function proof(rows: Row[], print: (line: string) => void): Promise<boolean> {
  print('| row | must | today | holds |')
  print('|---|---|---|---|')
  let all = true
  for (const row of rows) {
    const outcome = await tried(row)
    all &&= outcome.held
    print(line(row, outcome))
  }
  return all
}

if (process.argv[1] === import.meta.filename) {
  const known = rowNames()
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    console.error(`There is no row ${unknown.join(', ')}; there are: ${known.join(', ')}`)
    process.exit(2)
  }
  const names = wanted.length > 0 ? wanted : known
  const rows = await Promise.all(names.map((name) => import(`./rows/${name}.ts`) as Promise<Row>))
  process.exitCode = (await proof(rows, (text) => console.log(text))) ? 0 : 1
}
