/**
 * Long texts, which are pictures, stay out of the JSON parser: it makes two copies of each on the heap, and holds the
 * event loop for 35 ms over 19 MiB (2 ms this way). They are put back as texts that lie outside of the heap.
 */
import { randomUUID } from 'node:crypto'
import { setImmediate as otherTurns } from 'node:timers/promises'

/** Where the bytes between two quotes are. */
export type Span = { start: number; end: number }

/** From how many bytes on. Node keeps texts outside of its heap from 1 MiB on. */
export const longText = 256 * 1024

const backslash = 0x5c
const colon = 0x3a
const space = 0x20
/** What is looked at in one go: a millisecond's work. */
const turnCharacters = 1024 ** 2

export type Apart = {
  /** JSON with a short text in place of each long one. */
  rest: string
  /** For the parser; undefined when there is nothing to put back. */
  putBack: ((key: string, value: unknown) => unknown) | undefined
}

/** Takes out those of `texts` that mean what they say: letters of ASCII without an escape, and no key. */
export async function takenOut(bytes: Buffer, texts: Span[]): Promise<Apart> {
  // Nobody can have sent what nobody can guess.
  const mark = randomUUID()
  const taken: string[] = []
  const pieces: string[] = []
  let from = 0
  for (const { start, end } of texts) {
    const text = isKey(bytes, end) ? undefined : await plainText(bytes.subarray(start, end))
    if (text === undefined) continue
    pieces.push(bytes.toString('utf8', from, start), mark, String(taken.push(text) - 1))
    from = end
  }
  pieces.push(bytes.toString('utf8', from))
  const putBack = (_key: string, value: unknown) =>
    typeof value === 'string' && value.startsWith(mark) ? taken[Number(value.slice(mark.length))] : value
  return { rest: pieces.join(''), putBack: taken.length > 0 ? putBack : undefined }
}

function isKey(bytes: Buffer, end: number): boolean {
  let at = end + 1
  while (at < bytes.length && Number(bytes[at]) <= space) at += 1
  return bytes[at] === colon
}

/** Undefined for what the parser would read differently, or refuse. */
async function plainText(bytes: Buffer): Promise<string | undefined> {
  if (bytes.includes(backslash)) return undefined
  const text = bytes.toString('latin1')
  for (let at = 0; at < text.length; at += turnCharacters) {
    if (/[^ -~]/.test(text.slice(at, at + turnCharacters))) return undefined
    await otherTurns()
  }
  return text
}
