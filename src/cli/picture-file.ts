/** The picture that a command was given: a file, or `-` for standard input. */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { settings } from '../config.ts'
import { reasonOf } from '../trouble.ts'

/** No service takes a larger body; one that takes less says so itself. */
const mostMib = settings.properties.MAX_BODY_MIB.maximum ?? 0

/** Throws an Error that says in a sentence what is wrong with it. */
export async function readPicture(
  path: string,
  signal: AbortSignal,
  stdin: Readable & { isTTY?: boolean } = process.stdin,
): Promise<Blob> {
  if (/^https?:\/\//.test(path)) {
    throw new Error(
      `${path} is an address, where a file is expected; curl -sL ADDRESS | llama-vision infer - QUESTION asks about one`,
    )
  }
  if (path !== '-') return await read(createReadStream(path, { signal }), path, signal)
  if (stdin.isTTY) {
    throw new Error('- reads the picture from standard input, which is the terminal; add < PICTURE')
  }
  return await read(stdin, 'standard input', signal)
}

async function read(stream: Readable, name: string, signal: AbortSignal): Promise<Blob> {
  const pieces: Buffer[] = []
  let bytes = 0
  const leave = () => stream.destroy(signal.reason)
  signal.addEventListener('abort', leave)
  try {
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece)
      bytes += piece.length
      if (bytes > mostMib * 1024 ** 2)
        throw new Error(`it has more than ${mostMib} MiB, the most that any service takes`)
    }
    if (bytes === 0) throw new Error('it is empty')
  } catch (error) {
    signal.throwIfAborted()
    const isFolder = (error as NodeJS.ErrnoException).code === 'EISDIR'
    const advice = isFolder ? '; llama-vision caption goes through folders' : ''
    throw new Error(`${name} cannot be read: ${reasonOf(error)}${advice}`, { cause: error })
  } finally {
    signal.removeEventListener('abort', leave)
  }
  return new Blob(pieces)
}
