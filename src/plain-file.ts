/**
 * Files that are written where people keep theirs. Only a regular file is opened: a link would lead what is written
 * elsewhere, and a pipe lets who opens it wait for ever. One with a second name is somebody else's too: it is only read.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'

/** What it is where it is no regular file; goes on from `it is`. */
export function otherKind(found: Stats): string | undefined {
  if (found.isFile()) return undefined
  if (found.isSymbolicLink()) return 'a link'
  if (found.isDirectory()) return 'a folder'
  if (found.isFIFO()) return 'a named pipe'
  return found.isSocket() ? 'a socket' : 'a device'
}

/**
 * Opens a file with `flags` of `constants`. Throws an Error that says what it is instead, goes on from its path and
 * leaves it as it was.
 */
export async function openPlain(path: string, flags: number): Promise<FileHandle> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found) requirePlain(found, flags)
  const handle = await open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    // Between the look and the opening it may have become another.
    requirePlain(await handle.stat(), flags)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** All of a file, which may grow while it is read. Throws an Error that goes on from its path for one of more bytes. */
export async function readWhole(file: FileHandle, mostBytes: number): Promise<Buffer> {
  const { size } = await file.stat()
  if (size > mostBytes) throw new Error(`it has ${size} bytes; at most ${mostBytes} are taken`)
  const bytes = Buffer.alloc(size)
  const { bytesRead } = await file.read(bytes, 0, size, 0)
  return bytes.subarray(0, bytesRead)
}

function requirePlain(found: Stats, flags: number): void {
  const isWritten = (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0
  const isShared = isWritten && found.nlink > 1
  const kind = otherKind(found) ?? (isShared ? 'a file with a second name (a hard link)' : undefined)
  if (kind) throw new Error(`it is ${kind}`)
}
