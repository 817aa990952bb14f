/** One row of the proof: what must hold, and what was seen today. */

export type Figure = {
  name: string
  /** As it is printed. */
  value: string
  holds: boolean
}

export type Outcome = { figures: Figure[]; held: boolean }

export type Row = {
  name: string
  /** What must hold, in the words of the table. */
  must: string
  /** Minutes at most: each wait in it is bounded. Rejects where it could not be tried. */
  run(): Promise<Outcome>
}

/** A row holds where each of its figures does. */
export const judged = (figures: Figure[]): Outcome => ({
  figures,
  held: figures.every(({ holds }) => holds),
})

/** A number that must lie between two bounds, both included. */
export function between(name: string, value: number, least: number, most: number, unit = ''): Figure {
  const rounded = Math.abs(value) < 10 ? Math.round(value * 100) / 100 : Math.round(value)
  return { name, value: `${rounded}${unit}`, holds: value >= least && value <= most }
}

export const atMost = (name: string, value: number, most: number, unit = '') =>
  between(name, value, Number.NEGATIVE_INFINITY, most, unit)

/** A count of what must not happen at all. */
export const none = (name: string, count: number) => between(name, count, 0, 0)

export const holds = (name: string, value: boolean, seen = value ? 'yes' : 'no'): Figure => ({
  name,
  value: seen,
  holds: value,
})

/** The value that so many of a hundred do not exceed; NaN of nothing. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((share / 100) * sorted.length))] ?? Number.NaN
}
