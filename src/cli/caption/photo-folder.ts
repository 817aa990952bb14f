/**
 * What a folder of photos holds: files that may be asked about, and what is left out, each with its reason. Names decide
 * where they say enough, else the first bytes.
 */
import { constants } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../errors.ts'
import { recognise } from '../../image/recognise.ts'
import { openPlain } from '../../plain-file.ts'

/** Paths are relative to the folder, in order. */
export type Photos = { pictures: string[]; skipped: Skipped[] }

export type Skipped = { path: string; reason: string }

export const pictureName =
  /\.(jpe?g|jpe|jfif|png|webp|gif|tiff?|avif|heic|heif|bmp|dib|jp2|jpx|jpf|j2k|j2c|jpc|pdf)$/i

/** Thumbnails, deleted files and the like, which file servers and desktops keep among photos; in lower case. */
const byProducts = new Set([
  '@eadir',
  '#recycle',
  '#snapshot',
  '@recycle',
  '@recently-snapshot',
  '$recycle.bin',
  '__macosx',
  'lost+found',
  'system volume information',
])

/** Enough to tell what a file is. */
const lookedAtBytes = 4096

export async function photosBelow(folder: string): Promise<Photos> {
  const photos: Photos = { pictures: [], skipped: [] }
  await walk(folder, '', photos)
  photos.pictures.sort()
  photos.skipped.sort((one, other) => (one.path < other.path ? -1 : 1))
  return photos
}

async function walk(root: string, within: string, photos: Photos): Promise<void> {
  for (const entry of await readdir(join(root, within), { withFileTypes: true })) {
    const path = join(within, entry.name)
    const skip = (reason: string) => photos.skipped.push({ path, reason })
    if (entry.name.startsWith('.')) skip('hidden')
    // What can't be named can't be opened.
    else if (entry.name.includes('\ufffd')) skip('its name is no UTF-8')
    else if (entry.isDirectory()) {
      if (byProducts.has(entry.name.toLowerCase())) skip('a folder of thumbnails or deleted files')
      else await walk(root, path, photos).catch((error) => skip(`it cannot be read (${error.code})`))
    } else if (pictureName.test(entry.name) && entry.isFile()) photos.pictures.push(path)
    else {
      const reason = await reasonAgainst(join(root, path))
      if (reason === undefined) photos.pictures.push(path)
      else skip(reason)
    }
  }
}

/** Why a file is nothing to ask about, by its first bytes; undefined for a picture or a document. */
async function reasonAgainst(path: string): Promise<string | undefined> {
  try {
    const file = await openPlain(path, constants.O_RDONLY)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(lookedAtBytes), 0, lookedAtBytes, 0)
      if (bytesRead === 0) return 'empty'
      await recognise(buffer.subarray(0, bytesRead))
      return undefined
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof Failure) {
      return error.code === 'unsupported_image_format'
        ? `${error.facts.actual} is not read here`
        : 'no picture'
    }
    const { code, message } = error as NodeJS.ErrnoException
    return code === undefined ? message : `it cannot be read (${code})`
  }
}
