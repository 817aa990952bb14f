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
  /** What the answer says, where it was held to a schema. */
  answer: Type.Optional(Type.Unknown()),
})
export type Caption = Static<typeof captionSchema>

/** A question, and the columns that its answer has in CSV; undefined where it was held to no schema. */
export type Asked = { prompt: string; columns: readonly string[] | undefined }

/** Of one file: what it begins with may decide how its lines are written. */
export type CaptionFormat = {
  /** The first line of a file, where it begins with one. */
  heading: string | undefined
  line(caption: Caption): string
  /** What stands for a picture and the question that was asked about it; without one for those of before. */
  key(path: string, asked?: Asked): string
  /** The key in a line, which the heading has too; undefined for one that such a file has not. Lines count from 1. */
  keyIn(line: string, number: number): string | undefined
  /** Whether such a line may begin so. */
  mayBegin(text: string, number: number): boolean
}

export const formatOf = (path: string, { columns }: Asked): CaptionFormat =>
  /\.csv$/i.test(path) ? csv(columns) : jsonLines

const jsonStart = '{"path":"'

const jsonLines: CaptionFormat = {
  heading: undefined,
  line: (caption) => JSON.stringify(caption),
  key: (path, asked) => keyOf(path, asked?.prompt, asked?.columns !== undefined),
  keyIn: (line) => {
    try {
      const caption: unknown = JSON.parse(line)
      if (!Value.Check(captionSchema, caption)) return undefined
      return keyOf(caption.path, caption.prompt, caption.answer !== undefined)
    } catch {
      return undefined
    }
  },
  mayBegin: (text) => jsonStart.startsWith(text.slice(0, jsonStart.length)),
}

/** No text holds a NUL that JSON or CSV would not have written otherwise. */
function keyOf(path: string, prompt?: string, held = false): string {
  return prompt === undefined ? path : `${path}\0${held}${prompt}`
}

const plainColumns = Object.keys(captionSchema.properties).filter((name) => name !== 'answer')
const cellPattern = '("(?:[^"]|"")*"|[^",]*)'

/** `answerColumns` are the names in an answer that is held to a schema: each is a column behind the others. */
function csv(answerColumns: readonly string[] = []): CaptionFormat {
  const heading = [...plainColumns, ...answerColumns.map((name) => cell(name))].join(',')
  const oldColumns = plainColumns.filter((column) => column !== 'prompt')
  let plain = plainColumns
  let row = rowPattern(plainColumns.length + answerColumns.length)

  /** A file of before goes on as it began. */
  function begin(line: string): string | undefined {
    if (line === heading) return line
    if (line !== oldColumns.join(',') || answerColumns.length > 0) return undefined
    plain = oldColumns
    row = rowPattern(oldColumns.length)
    return line
  }

  return {
    heading,
    line({ answer, ...caption }) {
      const values = new Map(Object.entries(caption))
      const said = new Map(Object.entries(Object(answer)))
      return [...plain.map((name) => values.get(name)), ...answerColumns.map((name) => said.get(name))]
        .map(cell)
        .join(',')
    },
    key: (path, asked) => keyOf(cell(path), asked && cell(asked.prompt)),
    keyIn: (line, number) => {
      if (number === 1) return begin(line)
      const cells = row.exec(line)
      return cells ? keyOf(cells[1] ?? '', cells[plainColumns.length]) : undefined
    },
    mayBegin: (text, number) => number > 1 || heading.startsWith(text),
  }
}

const rowPattern = (columns: number) => new RegExp(`^${Array(columns).fill(cellPattern).join(',')}$`)

/** One line a caption: line breaks become spaces. A leading `=`, `+`, `-` or `@` would be a formula in a spreadsheet. */
function cell(value: unknown): string {
  if (typeof value === 'number') return String(value)
  const words = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const text = words.replace(/\s*[\r\n]+\s*/g, ' ').replace(/^[=+\-@\t]/, "'$&")
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
