import { chatEvents } from '../../../src/engine/wire.ts'
import { Failure } from '../../../src/errors.ts'
import { must, type Target } from '../target.ts'

/** All that is heard of a stream that comes in pieces of such a length, its end included. */
async function heard(bytes: Buffer, pieceBytes: number): Promise<string> {
  async function* stream() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
  }
  const words: unknown[] = []
  try {
    for await (const event of chatEvents(stream(), 16)) words.push(event)
  } catch (error) {
    // The client tells whatever else is thrown as the engine's end.
    words.push(error instanceof Failure ? error.code : 'broken')
  }
  return JSON.stringify(words)
}

export const target: Target = {
  async run(input) {
    // The engine ends lines with \n alone; where a \r before it is cut off, the parser counts one line more.
    const bytes = input.filter((byte) => byte !== 0x0d) as Buffer
    const whole = await heard(bytes, bytes.length || 1)
    must(whole === (await heard(bytes, 1)), 'it does not matter where a stream is cut')
    must(whole === (await heard(bytes, 7)), 'it does not matter where a stream is cut')
  },
  seeds: [
    'data: {"choices":[{"delta":{"content":"hi"}}]}\n\ndata: {"choices":[{"finish_reason":"stop"}],"usage":{},"timings":{}}\n\ndata: [DONE]\n\n',
    ': comment\nevent: x\nid: 1\nretry: 5\ndata: {"prompt_progress":{"total":1,"cache":0,"processed":1}}\r\n\r\n',
    'data: {"error":{"message":"no"}}\n\n',
    'data: {"choices":\ndata: []}\n\n',
    '\ufeffdata: {"choices":[{"delta":{"content":"é🦙"}}]}\n\n',
  ],
  tokens: [
    'data:',
    '\n\n',
    '\r',
    '{"choices":[',
    'null',
    '[DONE]',
    '\xef\xbb\xbf',
    '\xf0\x9f',
    '"delta"',
    '1e999',
  ],
  mostBytes: 2048,
}
