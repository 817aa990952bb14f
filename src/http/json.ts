/**
 * JSON as bytes -> its value, in a bounded time. What makes JSON costly is not its size but the number of its values
 * and levels: 19 MiB of brackets hold the event loop for seconds and take a gigabyte, a picture of that size is one
 * text. So the bytes are looked over first, which skips texts and costs a fraction of the parsing.
 */
import { failure } from '../errors.ts'
import { longText, type Span, takenOut } from './long-texts.ts'

/** Far more than the deepest schema and the longest conversation have use for. */
export const mostLevels = 100
/** Commas, texts, and quotes within texts: some 30,000 members. */
export const mostMarks = 100_000
/** Bytes that are looked at one by one: numbers, brackets, spaces, backslashes before quotes. */
export const mostBytesOutside = 2 * 1024 ** 2

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Throws `missing_body`, `json_too_complex` or `invalid_json`. */
export function parseJson(bytes: Buffer): unknown {
  requireSimple(bytes)
  return parsed(() => JSON.parse(bytes.toString()))
}

/** The same for what may hold pictures: rejects instead of throwing, and other requests take turns with long texts. */
export async function parseBody(bytes: Buffer, longBytes = longText): Promise<unknown> {
  const apart = await takenOut(bytes, requireSimple(bytes, longBytes))
  return parsed(() => JSON.parse(apart.rest, apart.putBack))
}

function parsed(parse: () => unknown): unknown {
  try {
    return parse()
  } catch {
    // The parser's own message repeats a piece of the body.
    throw failure('invalid_json')
  }
}

/**
 * Returns where its long texts are. What is no JSON may pass: the parser stops where it ceases to be, before what this
 * look may have misread.
 */
function requireSimple(bytes: Buffer, longBytes = longText): Span[] {
  if (bytes.length === 0) throw failure('missing_body')
  const long: Span[] = []
  let levels = 0
  let marks = 0
  let outside = 0
  let inText = false
  let start = 0
  for (let at = 0; at < bytes.length; at += 1) {
    if (inText) {
      const end = bytes.indexOf(quote, at)
      if (end === -1) return long
      const escapes = backslashesBefore(bytes, end)
      inText = escapes % 2 === 1
      outside += escapes
      marks += 1
      at = end
      if (!inText && end - start >= longBytes) long.push({ start, end })
    } else {
      const byte = bytes[at]
      outside += 1
      if (byte === quote) {
        inText = true
        start = at + 1
      } else if (byte === comma) marks += 1
      else if (byte === openBracket || byte === openBrace) levels += 1
      else if (byte === closeBracket || byte === closeBrace) levels -= 1
    }
    if (levels > mostLevels) throw tooComplex('levels', mostLevels)
    if (marks > mostMarks) throw tooComplex('texts and commas', mostMarks)
    if (outside > mostBytesOutside) throw tooComplex('bytes outside of texts', mostBytesOutside)
  }
  return long
}

function backslashesBefore(bytes: Buffer, end: number): number {
  let count = 0
  while (count <= mostBytesOutside && bytes[end - 1 - count] === backslash) count += 1
  return count
}

const tooComplex = (feature: string, limit: number) => failure('json_too_complex', { feature, limit })
