/** `llama-vision models`: models that people have, what they take, and the names to fetch them by. */
import { catalogue, machineFor } from '../model/catalogue.ts'

const head = ['model', 'files', 'memory', 'fetch it by']

export function modelsTable(): string {
  const rows = catalogue.flatMap(({ models }) =>
    models.map((one) => [
      one.name,
      `${one.gigabytes} GB`,
      `${machineFor(one)} GB`,
      `llama-vision pull ${one.pull}`,
    ]),
  )
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)))
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
