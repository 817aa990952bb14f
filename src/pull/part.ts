/**
 * What has come of a file so far, on disk: `NAME.part`, and `NAME.part.json`, which tells what it is a part of. Bytes
 * are kept for the next time, unless they are wrong.
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { messageOf } from '../errors.ts'
import { PullProblem, shown } from './requests.ts'
import type { RemoteFile } from './sources.ts'

export type Part = { path: string; handle: FileHandle }

const notesSchema = Type.Object({
  url: Type.String(),
  etag: Type.Optional(Type.String()),
  size: Type.Integer({ minimum: 0 }),
  sha256: Type.Optional(Type.String()),
})
/** Of the whole file: its address and size in bytes, and what proves that further bytes are of the same one. */
export type Notes = Static<typeof notesSchema>

/** Runs `work` with the part, open for reading and writing; an empty one goes afterwards. */
export async function withPart(path: string, work: (part: Part) => Promise<void>): Promise<void> {
  const handle = await writing(path, () => open(path, constants.O_RDWR | constants.O_CREAT))
  try {
    await work({ path, handle })
  } finally {
    if ((await lengthOf({ handle })) === 0) {
      await Promise.all([path, `${path}.json`].map((one) => rm(one, { force: true })))
    }
    await handle.close()
  }
}

export const lengthOf = async ({ handle }: Pick<Part, 'handle'>): Promise<number> =>
  (await handle.stat()).size

export async function readNotes({ path }: Part): Promise<Notes | undefined> {
  try {
    const notes: unknown = JSON.parse(await readFile(`${path}.json`, 'utf8'))
    return Value.Check(notesSchema, notes) ? notes : undefined
  } catch {
    return undefined
  }
}

export const discard = ({ path, handle }: Part): Promise<void> => writing(path, () => handle.truncate())

/** The old bytes go first, so that notes never describe another part's. */
export async function begin(part: Part, notes: Notes): Promise<void> {
  await discard(part)
  await writing(part.path, () => writeFile(`${part.path}.json`, JSON.stringify(notes)))
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
  for await (const chunk of body) {
    if (bytes + chunk.length > size)
      throw new PullProblem(`${part.path}: the server sends more than the ${size} bytes it announced`)
    await writing(part.path, () => writeAt(part.handle, chunk, bytes))
    bytes += chunk.length
    progress(bytes)
  }
  await writing(part.path, () => part.handle.datasync())
  if ((await lengthOf(part)) === bytes) return bytes
  await discard(part)
  throw new PullProblem(`${part.path} was written to by something else and is thrown away; pull again`)
}

/** Not at the file's end: what a pull that has just lost its lock still writes must not move what another one does. */
async function writeAt(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const rest = await handle.write(chunk, written, chunk.length - written, position + written)
    written += rest.bytesWritten
  }
}

/** Gives the part its name. Throws `PullProblem` and discards it when its bytes are not those of `file`. */
export async function finish(part: Part, path: string, file: RemoteFile, signal: AbortSignal): Promise<void> {
  const sha256 = file.sha256 && (await sha256Of(part, signal))
  const { buffer } = await part.handle.read(Buffer.alloc(4), 0, 4, 0)
  const isGguf = buffer.toString('latin1') === 'GGUF'
  if (sha256 === file.sha256 && isGguf) {
    await writing(path, () => rename(part.path, path))
    await rm(`${part.path}.json`, { force: true })
    return
  }
  await discard(part)
  const fault = isGguf
    ? `its checksum is wrong, sha256 ${sha256} and not ${file.sha256}`
    : `what ${shown(file.address)} gives is no GGUF file`
  throw new PullProblem(`${file.name} was fetched and thrown away: ${fault}`)
}

async function sha256Of({ handle }: Part, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const bytes = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 ** 2 })
  await pipeline(bytes, hash, { signal })
  return hash.digest('hex')
}

/** A disk's failure is no passing trouble, unlike a connection's. */
async function writing<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    throw new PullProblem(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}
