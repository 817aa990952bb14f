/** How a caption is a line of JSON or of CSV, and whether a line is one. */
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

const captionSchema = Type.Object({
  path: Type.String(),
  text: Type.String(),
  model: Type.String(),
  finish_reason: Type.String(),
  width: Type.Number(),
  height: Type.Number(),
  seconds: Type.Number(),
  time: Type.String(),
  /** Which question it answers; files of before do not say. */
  prompt: Type.Optional(Type.String()),
})
export type Caption = Static<typeof captionSchema>

/** Of one file: what it begins with may decide how its lines are written. */
export type CaptionFormat = {
  /** The first line of a file, where it begins with one. */
  heading: string | undefined
  line(caption: Caption): string
  /** What stands for a picture and the question that was asked about it; without one for those of before. */
  key(path: string, prompt?: string): string
  /** The key in a line, which the heading has too; undefined for one that such a file has not. Lines count from 1. */
  keyIn(line: string, number: number): string | undefined
  /** Whether such a line may begin so. */
  mayBegin(text: string, number: number): boolean
}

export const formatOf = (path: string): CaptionFormat => (/\.csv$/i.test(path) ? csv() : jsonLines)

const jsonStart = '{"path":"'

const jsonLines: CaptionFormat = {
  heading: undefined,
  line: (caption) => JSON.stringify(caption),
  key: keyOf,
  keyIn: (line) => {
    try {
      const caption: unknown = JSON.parse(line)
      return Value.Check(captionSchema, caption) ? keyOf(caption.path, caption.prompt) : undefined
    } catch {
      return undefined
    }
  },
  mayBegin: (text) => jsonStart.startsWith(text.slice(0, jsonStart.length)),
}

/** No text holds a NUL that JSON or CSV would not have written otherwise. */
function keyOf(path: string, prompt?: string): string {
  return prompt === undefined ? path : `${path}\0${prompt}`
}

const columns = Object.keys(captionSchema.properties) as (keyof Caption)[]
const cellPattern = '("(?:[^"]|"")*"|[^",]*)'
const heading = columns.join(',')

function csv(): CaptionFormat {
  let written = columns
  let row = rowPattern(columns)

  /** A file of before goes on as it began. */
  function begin(line: string): string | undefined {
    const without = columns.filter((column) => column !== 'prompt')
    if (line === without.join(',')) {
      written = without
      row = rowPattern(without)
    } else if (line !== heading) return undefined
    return line
  }

  return {
    heading,
    line: (caption) => written.map((column) => cell(caption[column] ?? '')).join(','),
    key: (path, prompt) => keyOf(cell(path), prompt === undefined ? undefined : cell(prompt)),
    keyIn: (line, number) => {
      if (number === 1) return begin(line)
      const cells = row.exec(line)
      return cells ? keyOf(cells[1] ?? '', cells[columns.length]) : undefined
    },
    mayBegin: (text, number) => number > 1 || heading.startsWith(text),
  }
}

const rowPattern = (of: readonly string[]) => new RegExp(`^${of.map(() => cellPattern).join(',')}$`)

/** One line a caption: line breaks become spaces. A leading `=`, `+`, `-` or `@` would be a formula in a spreadsheet. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = value.replace(/\s*[\r\n]+\s*/g, ' ').replace(/^[=+\-@\t]/, "'$&")
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
