/**
 * One file from an address into a folder. It grows as `NAME.part`, goes on after a cut where it ended, and gets its
 * name in one step once size and checksum are right: a file without `.part` is whole. `NAME.part.lock` keeps a second
 * pull away.
 */
import { lstat, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { staleSeconds, withLock } from './lock.ts'
import type { Notes } from './notes.ts'
import { append, begin, discard, lengthOf, notesOf, type Part, verify, withPart } from './part.ts'
import type { RemoteFile } from './remote-file.ts'
import {
  type FileResponse,
  leave,
  PullProblem,
  retrying,
  Setback,
  shown,
  strongEtag,
  visit,
  type Web,
} from './requests.ts'
import { giveName, isThere } from './whole-file.ts'

export type PullProgress = { file: string; doneBytes: number; totalBytes: number }

export type Target = {
  folder: string
  /** The variable that names the folder, or one above it. */
  variable: string
  progress: (progress: PullProgress) => void
  /** Bytes that may still be written to a folder. */
  freeBytes: (folder: string) => Promise<number>
}

/** More bytes than ever before, by at least this much, make up for earlier failures. */
const progressBytes = 1024 ** 2

export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Throws `PullProblem` when `files` will not fit into the folder, beside what has come of them. */
export async function requireSpace(
  files: RemoteFile[],
  { folder, variable, freeBytes }: Target,
): Promise<void> {
  let missing = 0
  for (const file of files) {
    const part = await lstat(join(folder, `${file.name}.part`)).catch(() => undefined)
    missing += Math.max(0, (file.size ?? 0) - (part?.size ?? 0))
  }
  const free = await freeBytes(folder)
  if (missing <= free) return
  throw new PullProblem(
    `${folder} has ${gigabytes(free)} free, but ${gigabytes(missing)} are still to come; make room or set ${variable} to another folder`,
  )
}

/**
 * Fetches `file`, of which nothing had the name. Throws `PullProblem` when that cannot be. What has come is kept for the
 * next time, unless it is wrong.
 */
export async function download(file: RemoteFile, target: Target, web: Web): Promise<void> {
  const path = join(target.folder, file.name)
  const taken = `Another pull is fetching ${file.name}; wait for it or end it first. One that was killed is taken over after ${staleSeconds} seconds`
  await withLock(`${path}.part.lock`, { taken }, async (lost) => {
    const signal = AbortSignal.any([web.signal, lost])
    // Another pull may have brought it before the lock was ours.
    if (await isThere(path, file, signal)) return
    await withPart(`${path}.part`, (part) => fetchWhole(part, path, file, target, { ...web, signal }))
  })
  const { size } = await stat(path)
  target.progress({ file: file.name, doneBytes: size, totalBytes: size })
}

async function fetchWhole(
  part: Part,
  path: string,
  file: RemoteFile,
  target: Target,
  web: Web,
): Promise<void> {
  let longest = await lengthOf(part)
  const progressed = async () => {
    const before = longest
    longest = Math.max(before, await lengthOf(part))
    return longest >= before + progressBytes
  }
  await retrying(web, file.name, () => fetchRest(part, file, target, web), progressed)
  const sha256 = await verify(part, file, web.signal)
  await giveName(part, path, { file, sha256, signal: web.signal })
}

async function fetchRest(part: Part, file: RemoteFile, target: Target, web: Web): Promise<void> {
  const kept = await keptPart(part, file)
  // With a checksum to come, nothing need be asked about a part that lacks nothing.
  if (kept && kept.bytes === file.size && file.sha256) return
  const answer = await visit(web, file.address, 'GET', kept && continuing(kept))
  const address = shown(file.address)
  try {
    const offer = offerOf(answer, kept)
    if (!offer) {
      await discard(part)
      throw new Setback(`${address} does not go on where it ended (status ${answer.statusCode})`, 0)
    }
    const { from, size } = offer
    const announced = (from > 0 ? kept?.size : file.size) ?? size
    if (size !== announced) {
      throw new PullProblem(
        `${file.name} should have ${announced} bytes, but ${address} has ${size}; the file may just have changed: pull again`,
      )
    }
    if (answer.statusCode === 416) return
    await requireSpace([{ ...file, size }], target)
    if (from === 0) await begin(part, notesFor(file, size, answer))
    const bytes = await append(part, answer.body, offer, (doneBytes) =>
      target.progress({ file: file.name, doneBytes, totalBytes: size }),
    )
    if (bytes < size) throw new Setback(`the answer ended after ${bytes} of ${size} bytes`)
  } finally {
    leave(answer.body)
  }
}

type KeptPart = Notes & { bytes: number }

/** What an earlier try left of this very file, if there is a way to prove that more bytes continue it. */
async function keptPart(part: Part, file: RemoteFile): Promise<KeptPart | undefined> {
  const notes = await notesOf(part)
  const bytes = await lengthOf(part)
  const isSame =
    notes?.url === shown(file.address) &&
    notes.sha256 === file.sha256 &&
    notes.size === (file.size ?? notes.size)
  const isProvable = notes?.etag !== undefined || file.sha256 !== undefined
  return isSame && isProvable && bytes > 0 && bytes <= notes.size ? { ...notes, bytes } : undefined
}

const continuing = ({ bytes, etag }: KeptPart): Record<string, string> => ({
  range: `bytes=${bytes}-`,
  ...(etag && { 'if-range': etag }),
})

/** The byte that an answer begins at, the end where 416 says so, and the bytes of the whole; undefined if of no use. */
function offerOf(
  { statusCode, headers }: FileResponse,
  kept: KeptPart | undefined,
): { from: number; size: number } | undefined {
  if (statusCode === 200) return { from: 0, size: wholeLength(headers) }
  const [, first, whole] = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(String(headers['content-range'])) ?? []
  const offer = { from: Number(statusCode === 206 ? first : whole), size: Number(whole) }
  // Not every server minds If-Range.
  const isSame = !kept?.etag || !headers.etag || kept.etag === headers.etag
  return isSame && offer.from === kept?.bytes ? offer : undefined
}

/** Without a length nobody could tell when the file is whole. */
function wholeLength(headers: FileResponse['headers']): number {
  const length = Number(headers['content-length'] ?? Number.NaN)
  if (Number.isSafeInteger(length)) return length
  throw new PullProblem('The server does not tell how large the file is (no Content-Length)')
}

function notesFor({ address, sha256 }: RemoteFile, size: number, { headers }: FileResponse): Notes {
  const etag = strongEtag(headers)
  return { url: shown(address), size, ...(etag && { etag }), ...(sha256 && { sha256 }) }
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`
