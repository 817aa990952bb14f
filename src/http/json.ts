/**
 * JSON as bytes -> its value, in a bounded time. What makes JSON costly is not its size but the number of its values
 * and levels: 19 MiB of brackets hold the event loop for seconds and take a gigabyte, a picture of that size is one
 * text. So the bytes are looked over first, which skips texts and costs a fraction of the parsing.
 */
import { failure } from '../errors.ts'

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
  if (bytes.length === 0) throw failure('missing_body')
  requireSimple(bytes)
  try {
    return JSON.parse(bytes.toString())
  } catch {
    // The parser's own message repeats a piece of the body.
    throw failure('invalid_json')
  }
}

/** What is no JSON may pass: the parser stops where it ceases to be, before what this look may have misread. */
function requireSimple(bytes: Buffer): void {
  let levels = 0
  let marks = 0
  let outside = 0
  let inText = false
  for (let at = 0; at < bytes.length; at += 1) {
    if (inText) {
      const end = bytes.indexOf(quote, at)
      if (end === -1) return
      const escapes = backslashesBefore(bytes, end)
      inText = escapes % 2 === 1
      outside += escapes
      marks += 1
      at = end
    } else {
      const byte = bytes[at]
      outside += 1
      if (byte === quote) inText = true
      else if (byte === comma) marks += 1
      else if (byte === openBracket || byte === openBrace) levels += 1
      else if (byte === closeBracket || byte === closeBrace) levels -= 1
    }
    if (levels > mostLevels) throw tooComplex('levels', mostLevels)
    if (marks > mostMarks) throw tooComplex('texts and commas', mostMarks)
    if (outside > mostBytesOutside) throw tooComplex('bytes outside of texts', mostBytesOutside)
  }
}

function backslashesBefore(bytes: Buffer, end: number): number {
  let count = 0
  while (count <= mostBytesOutside && bytes[end - 1 - count] === backslash) count += 1
  return count
}

const tooComplex = (feature: string, limit: number) => failure('json_too_complex', { feature, limit })
