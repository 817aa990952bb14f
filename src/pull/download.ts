/**
 * One file from an address into a folder. It grows as `NAME.part`, goes on after a cut where it ended, and gets its
 * name in one step once size and checksum are right: a file without `.part` is whole. `NAME.part.json` tells what the
 * part is a part of, `NAME.part.lock` keeps a second pull away.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { messageOf } from '../errors.ts'
import { withLock } from './lock.ts'
import {
  type FileResponse,
  leave,
  PullProblem,
  retrying,
  Setback,
  shown,
  visit,
  type Web,
} from './requests.ts'

export type RemoteFile = {
  /** What it is to be called in the folder. */
  name: string
  address: string
  /** Bytes, where the source tells. */
  size: number | undefined
  /** Hexadecimal, lower case, where the source tells. */
  sha256: string | undefined
}

export type PullProgress = { file: string; doneBytes: number; totalBytes: number }

export type Target = {
  folder: string
  progress: (progress: PullProgress) => void
  /** Bytes that may still be written to a folder. */
  freeBytes: (folder: string) => Promise<number>
}

const notesSchema = Type.Object({
  url: Type.String(),
  etag: Type.Optional(Type.String()),
  size: Type.Integer({ minimum: 0 }),
  sha256: Type.Optional(Type.String()),
})
type Notes = Static<typeof notesSchema>

/** More bytes than ever before, by at least this much, make up for earlier failures. */
const progressBytes = 1024 ** 2

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Throws `PullProblem` when what is missing of `files` will not fit into the folder. */
export async function requireSpace(files: RemoteFile[], target: Target): Promise<void> {
  let missing = 0
  for (const file of files) {
    const path = join(target.folder, file.name)
    if (await isThere(path, file)) continue
    missing += Math.max(0, (file.size ?? 0) - (await lengthOf(`${path}.part`)))
  }
  const free = await target.freeBytes(target.folder)
  if (missing <= free) return
  throw new PullProblem(
    `${target.folder} has ${gigabytes(free)} free, but ${gigabytes(missing)} are still to come; make room or set MODEL_PATH to another folder`,
  )
}

/**
 * Fetches `file`, unless it is there already in the right size. Throws `PullProblem` when that cannot be. What has come
 * is kept for the next time, unless it is wrong.
 */
export async function download(file: RemoteFile, target: Target, web: Web): Promise<void> {
  const path = join(target.folder, file.name)
  if (!(await isThere(path, file))) {
    await withLock(`${path}.part.lock`, file.name, async (lost) => {
      const signal = AbortSignal.any([web.signal, lost])
      // Another pull may have brought it before the lock was ours.
      if (!(await isThere(path, file))) await fetchWhole(path, file, target, { ...web, signal })
    })
  }
  const size = await lengthOf(path)
  target.progress({ file: file.name, doneBytes: size, totalBytes: size })
}

async function isThere(path: string, { size }: RemoteFile): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  if (!found || (found.isFile() && (size === undefined || found.size === size))) return found !== undefined
  throw new PullProblem(
    `${path} is there already, but is another file: it has ${found.size} bytes, not ${size}. Remove or rename it first`,
  )
}

async function fetchWhole(path: string, file: RemoteFile, target: Target, web: Web): Promise<void> {
  const part = `${path}.part`
  let longest = await lengthOf(part)
  let reached = 0
  const progressed = () => {
    const isGrown = reached >= longest + progressBytes
    longest = Math.max(longest, reached)
    return isGrown
  }
  const progress: Target['progress'] = (now) => {
    reached = now.doneBytes
    target.progress(now)
  }
  await retrying(web, file.name, () => fetchRest(part, file, { ...target, progress }, web), progressed)
  await verify(part, file, web.signal)
  await rename(part, path)
  await rm(`${part}.json`, { force: true })
}

async function fetchRest(part: string, file: RemoteFile, target: Target, web: Web): Promise<void> {
  const kept = await keptPart(part, file)
  // With a checksum to come, nothing need be asked about a part that lacks nothing.
  if (kept && kept.bytes === file.size && file.sha256) return
  const answer = await visit(web, file.address, 'GET', kept && continuing(kept))
  try {
    const offer = offerOf(answer, kept)
    const announced = file.size ?? (offer && kept && offer.from > 0 ? kept.size : offer?.total)
    if (offer && offer.total !== announced) throw sizeLie(file, announced, offer.total)
    if (offer && answer.status === 416 && offer.from === offer.total) return
    if (!offer || answer.status === 416) {
      await discard(part)
      throw new Setback(`${shown(file.address)} does not go on where it ended (status ${answer.status})`, 0)
    }
    await requireSpace([{ ...file, size: offer.total }], target)
    if (offer.from === 0) await begin(part, file, offer.total, answer)
    const progress = { file: file.name, doneBytes: offer.from, totalBytes: offer.total }
    await append(part, answer.body, progress, target)
  } finally {
    leave(answer.body)
  }
}

type KeptPart = { bytes: number; size: number; etag: string | undefined }

/** What an earlier try left of this very file, if there is a way to prove that more bytes continue it. */
async function keptPart(part: string, file: RemoteFile): Promise<KeptPart | undefined> {
  const notes = await readNotes(part)
  const bytes = await lengthOf(part)
  const isSame =
    notes?.url === shown(file.address) &&
    notes.sha256 === file.sha256 &&
    (file.size === undefined || file.size === notes.size)
  const isProvable = notes?.etag !== undefined || file.sha256 !== undefined
  if (!isSame || !isProvable || bytes === 0 || bytes > notes.size) return undefined
  return { bytes, size: notes.size, etag: notes.etag }
}

const continuing = ({ bytes, etag }: KeptPart): Record<string, string> => ({
  range: `bytes=${bytes}-`,
  ...(etag && { 'if-range': etag }),
})

/** The bytes that an answer begins at, and those of the whole file; undefined for what cannot be used. */
function offerOf(
  { status, headers }: FileResponse,
  kept: KeptPart | undefined,
): { from: number; total: number } | undefined {
  if (status === 200) return { from: 0, total: wholeLength(headers) }
  // Not every server minds If-Range.
  if (!kept || (kept.etag && headers.etag && kept.etag !== headers.etag)) return undefined
  const pattern = status === 206 ? /^bytes (\d+)-\d+\/(\d+)$/ : /^bytes (\*)\/(\d+)$/
  const [, from, total] = pattern.exec(headers['content-range'] ?? '') ?? []
  if (total === undefined || (status === 206 && Number(from) !== kept.bytes)) return undefined
  return { from: kept.bytes, total: Number(total) }
}

/** Without a length nobody could tell when the file is whole. */
function wholeLength(headers: FileResponse['headers']): number {
  const length = Number(headers['content-length'] ?? Number.NaN)
  if (Number.isSafeInteger(length)) return length
  throw new PullProblem('The server does not tell how large the file is (no Content-Length)')
}

async function readNotes(part: string): Promise<Notes | undefined> {
  try {
    const notes: unknown = JSON.parse(await readFile(`${part}.json`, 'utf8'))
    return Value.Check(notesSchema, notes) ? notes : undefined
  } catch {
    return undefined
  }
}

const sizeLie = (
  { name, address }: RemoteFile,
  announced: number | undefined,
  offered: number,
): PullProblem =>
  new PullProblem(
    `${name} should have ${announced} bytes, but ${shown(address)} has ${offered}; the file may just have changed: pull again`,
  )

async function discard(part: string): Promise<void> {
  await Promise.all([part, `${part}.json`].map((path) => rm(path, { force: true })))
}

/** The old part goes first, so that notes never describe another part's bytes. */
async function begin(part: string, file: RemoteFile, size: number, { headers }: FileResponse): Promise<void> {
  // A weak etag promises the same meaning, not the same bytes.
  const etag = headers.etag?.startsWith('"') ? headers.etag : undefined
  const notes: Notes = {
    url: shown(file.address),
    size,
    ...(etag && { etag }),
    ...(file.sha256 && { sha256: file.sha256 }),
  }
  await writing(part, async () => {
    await writeFile(part, '')
    await writeFile(`${part}.json`, JSON.stringify(notes))
  })
}

async function append(
  part: string,
  body: AsyncIterable<Buffer>,
  progress: PullProgress,
  target: Target,
): Promise<void> {
  const { file, totalBytes } = progress
  let { doneBytes } = progress
  const handle: FileHandle = await writing(part, () => open(part, 'r+'))
  try {
    target.progress(progress)
    for await (const chunk of body) {
      if (doneBytes + chunk.length > totalBytes) {
        throw new PullProblem(`${file}: the server sends more than the ${totalBytes} bytes it announced`)
      }
      await writing(part, () => writeAt(handle, chunk, doneBytes))
      doneBytes += chunk.length
      target.progress({ file, doneBytes, totalBytes })
    }
    await writing(part, () => handle.datasync())
    if ((await handle.stat()).size !== doneBytes) {
      await discard(part)
      throw new PullProblem(`${part} was written to by something else and is thrown away; pull again`)
    }
  } finally {
    await handle.close()
  }
  if (doneBytes < totalBytes) throw new Setback(`the answer ended after ${doneBytes} of ${totalBytes} bytes`)
}

/** Not at the file's end: what a pull that has just lost its lock still writes must not move what another one does. */
async function writeAt(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let written = 0; written < chunk.length; ) {
    const rest = await handle.write(chunk, written, chunk.length - written, position + written)
    written += rest.bytesWritten
  }
}

/** A disk's failure is no passing trouble, unlike a connection's. */
async function writing<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    throw new PullProblem(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}

/** Throws `PullProblem` and removes the part when its bytes are not those of the file. */
async function verify(part: string, file: RemoteFile, signal: AbortSignal): Promise<void> {
  const fault =
    (file.sha256 && (await checksumFault(part, file.sha256, signal))) ||
    ((await beginning(part)) !== 'GGUF' && `what ${shown(file.address)} gives is no GGUF file`)
  if (!fault) return
  await discard(part)
  throw new PullProblem(`${file.name} was fetched and thrown away: ${fault}`)
}

async function checksumFault(path: string, sha256: string, signal: AbortSignal): Promise<string | undefined> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: progressBytes }), hash, { signal })
  const actual = hash.digest('hex')
  return actual === sha256 ? undefined : `its checksum is wrong, sha256 ${actual} and not ${sha256}`
}

async function beginning(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}

const lengthOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`
