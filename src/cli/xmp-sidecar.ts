/**
 * The sidecar of a picture, `photo.jpg.xmp`, where digiKam and darktable look for it. One that is there is somebody's
 * work: it gets a description if it has none and is else left alone, and what is written is there whole or not at all.
 */
import { randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { messageOf } from '../errors.ts'
import { openPlain } from '../plain-file.ts'
import { withCaption } from './xmp-packet.ts'

type Sidecar = { bytes: Buffer; stats: Stats }

const largestBytes = 4 * 1024 ** 2

/**
 * Writes `caption` as the description of the picture. `kept` when its sidecar has one that was not written here, is
 * larger than 4 MiB or cannot be understood: then it stays as it is. Throws an Error, whose message is a sentence, when
 * it is no plain file, cannot be written or is changed by something else meanwhile.
 */
export async function writeSidecar(picturePath: string, caption: string): Promise<'written' | 'kept'> {
  const path = `${picturePath}.xmp`
  try {
    const found = await sidecarAt(path)
    const before = found && textOf(found.bytes)
    if (found && before === undefined) return 'kept'
    const after = withCaption(caption, before)
    if (after === undefined) return 'kept'
    // Who watches it is not told of a change that is none.
    if (after !== before) await replace(path, after, found?.stats)
    return 'written'
  } catch (error) {
    throw new Error(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}

async function sidecarAt(path: string): Promise<Sidecar | undefined> {
  const handle = await openPlain(path, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!handle) return undefined
  try {
    const stats = await handle.stat()
    const stream = handle.createReadStream({ start: 0, end: largestBytes, autoClose: false })
    return { bytes: await buffer(stream), stats }
  } finally {
    await handle.close()
  }
}

function textOf(bytes: Buffer): string | undefined {
  if (bytes.length > largestBytes) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Puts `text` in the place of the file that had `stats`, or of none. */
async function replace(path: string, text: string, stats: Stats | undefined): Promise<void> {
  // Its rights are asked for, as an editor would need them: a new file in its place gets around them.
  if (stats) await (await openPlain(path, constants.O_RDWR)).close()
  const part = join(dirname(path), `.llama-vision-${randomUUID()}.part`)
  const handle = await open(part, 'wx', stats ? 0o600 : 0o666)
  try {
    try {
      await handle.writeFile(text)
      if (stats) await takeRights(handle, stats)
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (!(await isStill(path, stats))) throw new Error('it was changed by something else meanwhile')
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/** Only what differs is asked for: a memory card's file system knows neither. */
async function takeRights(handle: FileHandle, { uid, gid, mode }: Stats): Promise<void> {
  const made = await handle.stat()
  if (made.uid !== uid || made.gid !== gid) await handle.chown(uid, gid)
  if (made.mode !== mode) await handle.chmod(mode & 0o7777)
}

async function isStill(path: string, stats: Stats | undefined): Promise<boolean> {
  const now = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!now || !stats) return now === stats
  return now.ino === stats.ino && now.size === stats.size && now.mtimeMs === stats.mtimeMs
}
