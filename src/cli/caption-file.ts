/**
 * The file of captions: JSON Lines or, by its name, CSV. Lines are only ever added, so a run that was cut off goes on
 * where it stopped; a last line that was cut off is dropped.
 */
import { appendFile, readFile, truncate } from 'node:fs/promises'

export type Caption = {
  path: string
  text: string
  model: string
  finish_reason: string
  width: number
  height: number
  seconds: number
  time: string
}

export type CaptionFile = {
  /** Paths that have a caption. */
  done: ReadonlySet<string>
  add(caption: Caption): Promise<void>
}

const columns: (keyof Caption)[] = [
  'path',
  'text',
  'model',
  'finish_reason',
  'width',
  'height',
  'seconds',
  'time',
]

export async function openCaptions(path: string): Promise<CaptionFile> {
  const csv = /\.csv$/i.test(path)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole))
  const lines = whole.split('\n').filter((line) => line !== '')
  if (csv && lines.length === 0) await appendFile(path, `${columns.join(',')}\n`)
  return {
    done: new Set(csv ? lines.slice(1).map(firstCell) : lines.map((line) => pathIn(line, path))),
    add: (caption) => appendFile(path, `${csv ? csvLine(caption) : JSON.stringify(caption)}\n`),
  }
}

function pathIn(line: string, file: string): string {
  try {
    return (JSON.parse(line) as Caption).path
  } catch {
    throw new Error(`${file} holds a line that is no caption; name another file`)
  }
}

const csvLine = (caption: Caption): string => columns.map((column) => cell(caption[column])).join(',')

/** One line a caption: line breaks become spaces. A leading `=`, `+`, `-` or `@` would be a formula in a spreadsheet. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const text = value.replace(/\s*[\r\n]+\s*/g, ' ').replace(/^[=+\-@\t]/, "'$&")
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function firstCell(line: string): string {
  const quoted = /^"((?:[^"]|"")*)"/.exec(line)
  const text = quoted?.[1]?.replaceAll('""', '"') ?? line.slice(0, line.indexOf(','))
  return text.replace(/^'(?=[=+\-@\t])/, '')
}
