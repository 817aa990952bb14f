/**
 * What has come of a file so far, on disk: `NAME.part`, and `NAME.part.json`, which tells what it is a part of. Bytes
 * are kept for the next time, unless they are wrong. A part without such notes is none of ours and stays as it is.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { openPlain } from '../plain-file.ts'
import { type Notes, readNotes, writeNotes } from './notes.ts'
import { writing } from './own-file.ts'
import type { RemoteFile } from './remote-file.ts'
import { PullProblem, shown } from './requests.ts'

export type Part = { path: string; handle: FileHandle }

/** Runs `work` with the part, open for reading and writing; an empty one goes afterwards. */
export async function withPart(path: string, work: (part: Part) => Promise<void>): Promise<void> {
  const handle = await writing(path, () => openPlain(path, constants.O_RDWR | constants.O_CREAT))
  const part = { path, handle }
  try {
    await work(part)
  } finally {
    if ((await lengthOf(part)) === 0) {
      // Notes that cannot be read are not ours.
      if (await notesOf(part).catch(() => undefined)) await rm(notesPath(path))
      await rm(path, { force: true })
    }
    await handle.close()
  }
}

export const notesPath = (path: string): string => `${path}.json`

export const lengthOf = async ({ handle }: Part): Promise<number> => (await handle.stat()).size

/** Throws `PullProblem` for bytes of which nothing tells what they are. */
export async function notesOf(part: Part): Promise<Notes | undefined> {
  const notes = await readNotes(notesPath(part.path))
  if (notes || (await lengthOf(part)) === 0) return notes
  throw new PullProblem(`${part.path} is not what a pull left there. Remove or rename it first`)
}

export const discard = ({ path, handle }: Part): Promise<void> => writing(path, () => handle.truncate())

/** The old bytes go first, so that notes never describe another part's. */
export async function begin(part: Part, notes: Notes): Promise<void> {
  await discard(part)
  await writeNotes(notesPath(part.path), notes)
}

/**
 * Writes what follows the first `from` bytes and reports how many there are by then. Throws `PullProblem` when they are
 * more than `size`, or when something else wrote into the part.
 */
export async function append(
  part: Part,
  body: AsyncIterable<Buffer>,
  { from, size }: { from: number; size: number },
  progress: (bytes: number) => void,
): Promise<number> {
  let bytes = from
  progress(bytes)
  try {
    for await (const chunk of body) {
      if (bytes + chunk.length > size)
        throw new PullProblem(`${part.path}: the server sends more than the ${size} bytes it announced`)
      await writing(part.path, () => writeAt(part.handle, chunk, bytes))
      bytes += chunk.length
      progress(bytes)
    }
    return bytes
  } finally {
    // Also after a cut: the next try goes on at the part's end.
    await writing(part.path, () => part.handle.datasync())
    await requireLength(part, bytes)
  }
}

/** Not at the file's end: what a pull that has just lost its lock still writes must not move what another one does. */
async function writeAt(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const rest = await handle.write(chunk, written, chunk.length - written, position + written)
    written += rest.bytesWritten
  }
}

async function requireLength(part: Part, bytes: number): Promise<void> {
  if ((await lengthOf(part)) === bytes) return
  await discard(part)
  throw new PullProblem(`${part.path} was written to by something else and is thrown away; pull again`)
}

/** Answers the part's SHA-256. Throws `PullProblem` and discards it when its bytes are not those of `file`. */
export async function verify(part: Part, file: RemoteFile, signal: AbortSignal): Promise<string> {
  const bytes = await lengthOf(part)
  const sha256 = await sha256Of(part.handle, bytes, signal)
  await requireLength(part, bytes)
  const { buffer } = await part.handle.read(Buffer.alloc(4), 0, 4, 0)
  // Of what is no model the checksum says all.
  const isItsKind = !/\.gguf$/i.test(file.name) || buffer.toString('latin1') === 'GGUF'
  if (isItsKind && sha256 === (file.sha256 ?? sha256)) return sha256
  await discard(part)
  const fault = isItsKind
    ? `its checksum is wrong, sha256 ${sha256} and not ${file.sha256}`
    : `what ${shown(file.address)} gives is no GGUF file`
  throw new PullProblem(`${file.name} was fetched and thrown away: ${fault}`)
}

/** Of the first `bytes`: a file that grows is not read for ever. */
export async function sha256Of(handle: FileHandle, bytes: number, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const end = Math.max(0, bytes - 1)
  const content = handle.createReadStream({ start: 0, end, autoClose: false, highWaterMark: 1024 ** 2 })
  await pipeline(content, hash, { signal })
  return hash.digest('hex')
}
