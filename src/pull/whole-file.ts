/**
 * A file that has its name: how it gets it, and whether one that is there is what its source gives. Its checksum tells,
 * or where the source has none, that of what came from there: `NAME.origin.json` keeps it.
 */
import { constants } from 'node:fs'
import { lstat, open, rename, rm, stat } from 'node:fs/promises'
import { otherKind } from '../plain-file.ts'
import { reasonOf } from '../trouble.ts'
import { readNotes, writeNotes } from './notes.ts'
import { writing } from './own-file.ts'
import { discard, notesOf, notesPath, type Part, sha256Of } from './part.ts'
import type { RemoteFile } from './remote-file.ts'
import { PullProblem, shown } from './requests.ts'

const originPath = (path: string): string => `${path}.origin.json`

/** Whether `file` lies at `path`. Throws `PullProblem` when something else has its name, which stays as it is. */
export async function isThere(path: string, file: RemoteFile, signal: AbortSignal): Promise<boolean> {
  if (!(await lstat(path).catch(() => undefined))) return false
  // A link to where a model really lies is fine to read.
  const found = await stat(path).catch(() => undefined)
  if (!found) throw taken(path, 'is a link to nowhere')
  const kind = otherKind(found)
  if (kind) throw taken(path, `is ${kind}`)
  if (found.size !== (file.size ?? found.size))
    throw taken(path, `is another file: it has ${found.size} bytes, not ${file.size}`)
  const expected = file.sha256 ?? (await originalSha256(path, file))
  if (!expected) throw taken(path, `nothing proves that it is what ${shown(file.address)} gives`)
  const actual = await sha256At(path, found.size, signal)
  if (actual !== expected) throw taken(path, `is another file: its sha256 is ${actual}, not ${expected}`)
  return true
}

const taken = (path: string, why: string): PullProblem =>
  new PullProblem(`${path} is there already, but ${why}. Remove or rename it first`)

/** What came from the address of `file` before, unless the server tells that it has another by now. */
async function originalSha256(path: string, file: RemoteFile): Promise<string | undefined> {
  const origin = await readNotes(originPath(path))
  const isSame =
    origin?.url === shown(file.address) &&
    origin.size === (file.size ?? origin.size) &&
    origin.etag === (file.etag ?? origin.etag)
  return isSame ? origin.sha256 : undefined
}

async function sha256At(path: string, bytes: number, signal: AbortSignal): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw taken(path, `cannot be read: ${reasonOf(error)}`)
  })
  try {
    return await sha256Of(handle, bytes, signal)
  } finally {
    await handle.close()
  }
}

/** Names a part that was verified. Throws as `isThere` does for what came to `path` in the meantime. */
export async function giveName(
  part: Part,
  path: string,
  { file, sha256, signal }: { file: RemoteFile; sha256: string; signal: AbortSignal },
): Promise<void> {
  const notes = await notesOf(part)
  if (notes && !file.sha256) await writeNotes(originPath(path), { ...notes, sha256 })
  if (await isThere(path, file, signal)) return await discard(part)
  await writing(path, () => rename(part.path, path))
  await rm(notesPath(part.path), { force: true })
}
