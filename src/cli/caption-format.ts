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
})
export type Caption = Static<typeof captionSchema>

export type CaptionFormat = {
  /** The first line of a file, where it begins with one. */
  heading: string | undefined
  line(caption: Caption): string
  /** What stands for a picture's path in a line. */
  key(path: string): string
  /** The key in a line, which the heading has too; undefined for one that such a file has not. Lines count from 1. */
  keyIn(line: string, number: number): string | undefined
  /** Whether such a line may begin so. */
  mayBegin(text: string, number: number): boolean
}

export const formatOf = (path: string): CaptionFormat => (/\.csv$/i.test(path) ? csv : jsonLines)

const jsonStart = '{"path":"'

const jsonLines: CaptionFormat = {
  heading: undefined,
  line: (caption) => JSON.stringify(caption),
  key: (path) => path,
  keyIn: (line) => {
    try {
      const caption: unknown = JSON.parse(line)
      return Value.Check(captionSchema, caption) ? caption.path : undefined
    } catch {
      return undefined
    }
  },
  mayBegin: (text) => jsonStart.startsWith(text.slice(0, jsonStart.length)),
}

const columns = Object.keys(captionSchema.properties) as (keyof Caption)[]
const cellPattern = '("(?:[^"]|"")*"|[^",]*)'
const rowPattern = new RegExp(`^${columns.map(() => cellPattern).join(',')}$`)

const heading = columns.join(',')

const csv: CaptionFormat = {
  heading,
  line: (caption) => columns.map((column) => cell(caption[column])).join(','),
  key: cell,
  keyIn: (line, number) => (number > 1 || line === heading ? rowPattern.exec(line)?.[1] : undefined),
  mayBegin: (text, number) => number > 1 || heading.startsWith(text),
}

/** One line a caption: line breaks become spaces. A leading `=`, `+`, `-` or `@` would be a formula in a spreadsheet. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = value.replace(/\s*[\r\n]+\s*/g, ' ').replace(/^[=+\-@\t]/, "'$&")
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
