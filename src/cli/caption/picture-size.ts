/** The size of a picture by the beginning of its file, for what is only a guess: nothing of it is decoded. */
import { constants } from 'node:fs'
import { isReadHere, openImage } from '../../image/decode.ts'
import { recognise } from '../../image/recognise.ts'
import type { Size } from '../../image/tiles.ts'
import { openPlain } from '../../plain-file.ts'

/** Cameras write thumbnails and profiles before the size. */
const lookedAtBytes = 256 * 1024

/** Upright; undefined where it can't be told so easily. */
export async function pictureSize(path: string): Promise<Size | undefined> {
  try {
    const file = await openPlain(path, constants.O_RDONLY)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(lookedAtBytes), 0, lookedAtBytes, 0)
      const start = buffer.subarray(0, bytesRead)
      if (!isReadHere(await recognise(start))) return undefined
      return (await openImage(start).metadata()).autoOrient
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}
