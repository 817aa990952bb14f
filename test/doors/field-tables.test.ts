/** The tables of fields and settings that are written by hand name the defaults and ranges that there are. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot, settings } from '../../src/config.ts'
import { inferRequest } from '../../src/doors/infer/schema.ts'

const schema = inferRequest({ maxImages: 8, maxSeconds: 600 })
const fields: Record<string, Record<string, unknown>> = schema.properties
/** One of `image` and `images` is. */
const required = ['prompt', 'image']

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8')
const plain = (text: string): string => text.replaceAll('`', '').trim()

/** The cells of the table below a heading, row by row; the first of each is a list of names. */
function rows(page: string, heading: string): { names: string[]; cells: string[] }[] {
  const [, section = ''] = page.split(`${heading}\n`)
  const lines = (/^(?:\|.*\n)+/m.exec(section)?.[0] ?? '').trim().split('\n')
  return lines.slice(2).map((line) => {
    const [first = '', ...cells] = line.slice(1, -1).split('|')
    return { names: plain(first).split(', '), cells: cells.map((cell) => cell.trim()) }
  })
}

/** What a sentence says of the values, as the schema would. */
function rangeOf(sentence: string): Record<string, unknown> {
  const said = (pattern: RegExp, facts: (...values: string[]) => Record<string, unknown>) => {
    const match = pattern.exec(sentence)
    return match ? facts(...match.slice(1)) : {}
  }
  const choices = /^`\w+`(?:,| or) `/.test(sentence) && [
    ...(sentence.split(':')[0] ?? '').matchAll(/`(\w+)`/g),
  ]
  return {
    ...said(/^(\d+) to (\d+)/, (minimum, maximum) => ({
      minimum: Number(minimum),
      maximum: Number(maximum),
    })),
    // The context is the model's, which no schema knows.
    ...said(/^(\d+) to the context size/, (minimum) => ({ minimum: Number(minimum) })),
    ...said(/^above (\d+), at most/, (least) => ({ exclusiveMinimum: Number(least) })),
    ...said(/at most (\d+)/, (most) => ({ maximum: Number(most) })),
    ...said(/up to (\d+)/, (most) => ({ maxItems: Number(most) })),
    ...(choices ? { enum: choices.map(([, name]) => name).sort() } : {}),
  }
}

for (const [path, heading, least] of [
  ['README.md', '### `POST /infer`', 5],
  ['docs/clients.md', '## `POST /infer`', 1],
] as const) {
  t.test(`${path} names fields, defaults and ranges as they are`, (t) => {
    const page = read(path)
    let ranges = 0
    const named = rows(page, heading).flatMap(({ names, cells }) => {
      const [values = '', sentence = ''] = cells.slice(-2)
      const given = plain(values).split(', ')
      for (const [index, name] of names.entries()) {
        const { default: value, ...facts } = fields[name] ?? {}
        t.ok(fields[name], name)
        if (!required.includes(name)) t.equal(given[index] ?? '', String(value ?? ''), name)
        else t.ok(cells[0]?.startsWith('required'), name)
        const range = rangeOf(sentence)
        if (facts.enum) facts.enum = (facts.enum as string[]).toSorted()
        t.match(facts, range, name)
        ranges += Object.keys(range).length
      }
      return names
    })
    t.ok(ranges >= least, `${ranges} facts were compared`)
    const [, more = ''] = /^More fields \(([^)]*)\)/m.exec(page) ?? []
    const others = [...more.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
    t.same([...named, ...others].sort(), Object.keys(fields).sort(), 'no field is missing or told twice')
    t.end()
  })
}

t.test('README.md names settings and their defaults as they are', (t) => {
  const all: Record<string, { default?: unknown }> = settings.properties
  const named = rows(read('README.md'), '## Configuration')
  t.ok(named.length >= 4)
  for (const { names, cells } of named)
    for (const name of names) t.equal(plain(cells[0] ?? ''), String(all[name]?.default), name)
  t.end()
})
