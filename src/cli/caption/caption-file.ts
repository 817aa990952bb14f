/**
 * The file of captions: JSON Lines or, by its name, CSV. Lines are only ever added, so a run that was cut off goes on
 * where it stopped; a last line that was cut off is dropped. A file of which any line is no caption is left as it is.
 */
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import { openPlain } from '../../plain-file.ts'
import type { Asked } from './asked.ts'
import { type Caption, type CaptionFormat, formatOf } from './caption-format.ts'

export type CaptionFile = {
  /** Whether the picture at `path` has an answer to this question, or one that does not say to which. */
  has(path: string, asked: Asked): boolean
  /** Throws when it cannot be written, or when something else wrote into the file. */
  add(caption: Caption): Promise<void>
  close(): Promise<void>
}

type Note = (sentence: string) => void

/** Far more than an answer that fills any context. */
const longestLineBytes = 4 * 1024 ** 2
const mostShownCharacters = 200

/**
 * Opens the captions at `path`, or begins them; `parts` of the answers have columns in a CSV. Throws, and changes nothing,
 * when something else is there. `note` hears what was dropped.
 */
export async function openCaptions(path: string, parts: readonly string[], note: Note): Promise<CaptionFile> {
  const { O_RDWR, O_CREAT, O_APPEND } = constants
  const handle = await openPlain(path, O_RDWR | O_CREAT | O_APPEND).catch((error) => {
    throw new Error(`${path} cannot be written: ${messageOf(error)}; name another file for the captions`)
  })
  try {
    return await captionsIn(handle, path, formatOf(path, parts), note)
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function captionsIn(
  handle: FileHandle,
  path: string,
  format: CaptionFormat,
  note: Note,
): Promise<CaptionFile> {
  const { keys, wholeBytes, half } = await readCaptions(handle, path, format)
  let bytes = wholeBytes
  if (half !== '') {
    note(`${path} ended in half a line, which is dropped: ${half.slice(0, mostShownCharacters)}`)
    await handle.truncate(bytes)
  }
  const append = async (line: string) => {
    const { size, nlink } = await handle.stat()
    if (size !== bytes || nlink !== 1) throw new Error(`${path} was changed by something else meanwhile`)
    try {
      await handle.appendFile(`${line}\n`)
      bytes += Buffer.byteLength(line) + 1
    } catch (error) {
      // A disk that is full takes half of a line.
      await handle.truncate(bytes).catch(() => {})
      throw new Error(`${path} cannot be written: ${messageOf(error)}`)
    }
  }
  if (bytes === 0 && format.heading !== undefined) await append(format.heading)
  let turn = Promise.resolve()
  return {
    has: (picture, { prompt, options }) =>
      [{ prompt, options }, { prompt }, {}].some((asked) => keys.has(format.key(picture, asked))),
    add: (caption) => {
      turn = turn.then(async () => {
        await append(format.line(caption))
        keys.add(format.key(caption.path, caption))
      })
      return turn
    },
    close: () => handle.close(),
  }
}

/** The pictures that have a caption, how many bytes whole lines have, and what follows them. */
async function readCaptions(
  handle: FileHandle,
  path: string,
  format: CaptionFormat,
): Promise<{ keys: Set<string>; wholeBytes: number; half: string }> {
  const keys = new Set<string>()
  let number = 1
  const refuse = (): never => {
    throw new Error(
      `${path} holds what a run like this does not write (line ${number}) and is left as it is; name another file for the captions`,
    )
  }
  let wholeBytes = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunksOf(handle)) {
    rest = Buffer.concat([rest, chunk])
    for (let length = rest.indexOf('\n'); length !== -1; length = rest.indexOf('\n')) {
      keys.add(format.keyIn(rest.toString('utf8', 0, length), number) ?? refuse())
      number += 1
      wholeBytes += length + 1
      rest = rest.subarray(length + 1)
    }
    if (rest.length > longestLineBytes) refuse()
  }
  const half = rest.toString('utf8')
  if (!format.mayBegin(half, number)) refuse()
  return { keys, wholeBytes, half }
}

/** What the file holds now; it may go on to grow. */
async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  const { size } = await handle.stat()
  if (size > 0) yield* handle.createReadStream({ start: 0, end: size - 1, autoClose: false })
}
