/** How a caption is a line of JSON or of CSV, and whether a line is one. */
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Asked, hashOf } from './asked.ts'

const captionSchema = Type.Object({
  path: Type.String(),
  text: Type.String(),
  model: Type.String(),
  finish_reason: Type.String(),
  width: Type.Number(),
  height: Type.Number(),
  seconds: Type.Number(),
  time: Type.String(),
  /** Which question it answers, and what it was asked with; files of before do not say. */
  prompt: Type.Optional(Type.String()),
  options: Type.Optional(Type.String()),
  /** The answer to a question with a schema. */
  answer: Type.Optional(Type.Unknown()),
})
export type Caption = Static<typeof captionSchema>

type AskedMaybe = Partial<Record<keyof Asked, string | undefined>>

/** Of one file: what it begins with may decide how its lines are written. */
export type CaptionFormat = {
  /** The first line of a file, where it begins with one. */
  heading: string | undefined
  line(caption: Caption): string
  /** What stands for a picture and what it was asked, as far as that is known. */
  key(path: string, asked: AskedMaybe): string
  /** The key in a line, which the heading has too; undefined for one that such a file has not. Lines count from 1. */
  keyIn(line: string, number: number): string | undefined
  /** Whether such a line may begin so. */
  mayBegin(text: string, number: number): boolean
}

/** `parts` are those of the answers that get a column of their own. */
export const formatOf = (path: string, parts: readonly string[]): CaptionFormat =>
  /\.csv$/i.test(path) ? csv(path, parts) : jsonLines

const jsonStart = '{"path":"'

const jsonLines: CaptionFormat = {
  heading: undefined,
  line: (caption) => JSON.stringify(caption),
  key: keyOf,
  keyIn: (line) => {
    try {
      const caption: unknown = JSON.parse(line)
      return Value.Check(captionSchema, caption) ? keyOf(caption.path, caption) : undefined
    } catch {
      return undefined
    }
  },
  mayBegin: (text) => jsonStart.startsWith(text.slice(0, jsonStart.length)),
}

/** Prompts may be long, and there is one for each line. No text holds a NUL that was not written otherwise. */
function keyOf(path: string, { prompt, options }: AskedMaybe): string {
  if (prompt === undefined) return path
  return `${path}\0${hashOf(options === undefined ? prompt : `${prompt}\0${options}`)}`
}

const columns = Object.keys(captionSchema.properties).filter((name) => name !== 'answer')
/** What files of before have. */
const fewestColumns = columns.indexOf('prompt')
const cellPattern = '("(?:[^"]|"")*"|[^",]*)'

function csv(path: string, parts: readonly string[]): CaptionFormat {
  const heading = [...columns, ...parts.map(partName)].join(',')
  /** The names of this file's columns: of the caption itself, and of parts of its answer. */
  let own = columns
  let others = parts.map(partName)
  let row = rowPattern(own.length + others.length)

  /** A file goes on as it began, with fewer columns or with more parts than are asked for now. */
  function begin(line: string): string | undefined {
    const names = [...line.matchAll(new RegExp(`(?:^|,)${cellPattern}`, 'g'))].map(([, name = '']) => name)
    const strange = columns.findIndex((column, index) => names[index] !== column)
    own = strange === -1 ? columns : columns.slice(0, strange)
    others = names.slice(own.length)
    if (own.length < fewestColumns || (strange !== -1 && others.length > 0)) return undefined
    row = rowPattern(names.length)
    const missing = parts.find((part) => !others.includes(partName(part)))
    if (missing === undefined) return line
    throw new Error(`${path} has no column for ${cell(missing)}, a part of the answers; name another file`)
  }

  return {
    heading,
    line(caption) {
      const { answer } = caption
      const given = new Map(
        Object.entries(answer ?? {}).map(([part, value]): [string, unknown] => [partName(part), value]),
      )
      const { path: picture, ...rest } = caption
      const facts = new Map(Object.entries(rest))
      const [, ...named] = own
      return [
        pathCell(picture),
        ...named.map((name) => cell(facts.get(name))),
        ...others.map((name) => cell(given.get(name))),
      ].join(',')
    },
    key: (picture, { prompt, options }) =>
      keyOf(pathCell(picture), {
        prompt: prompt === undefined ? undefined : cell(prompt),
        options: options === undefined ? undefined : cell(options),
      }),
    keyIn(line, number) {
      if (number === 1) return begin(line)
      const cells = row.exec(line)?.slice(1)
      if (!cells) return undefined
      const [prompt, options] = own.slice(fewestColumns).map((_, index) => cells[fewestColumns + index])
      return keyOf(cells[0] ?? '', { prompt, options })
    },
    mayBegin: (text, number) => number > 1 || heading.startsWith(text),
  }
}

/** A part may have the name of another column. */
const partName = (part: string): string => cell(columns.includes(part) ? `answer.${part}` : part)

const rowPattern = (cells: number) => new RegExp(`^${Array(cells).fill(cellPattern).join(',')}$`)

/** One line a caption: line breaks become spaces. A leading `=`, `+`, `-` or `@` would be a formula in a spreadsheet. */
function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return quoted(text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/^[=+\-@\t]/, "'$&"))
}

/** Two names never become one cell. */
const pathCell = (path: string): string =>
  quoted(
    path
      .replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`)
      .replace(/^['=+\-@]/, "'$&"),
  )

const quoted = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
