/**
 * A BMP. Its decoder is WebAssembly that gives no memory back, so this is for a process that ends with the picture. It
 * says the same of all that goes wrong, which is why the size is read here.
 */
import { type Failure, failure } from '../errors.ts'
import { openBitmap, requireSize } from './decode.ts'
import { encoded, type Framing } from './encode.ts'
import { decoderBytes } from './memory.ts'
import { type Picture, uprightPlan } from './picture.ts'
import type { Size } from './tiles.ts'

/** RGBA. */
const bytesPerPixel = 4
/** The decoder has its own of what was received and of what was made of it. */
const copies = 2
/** For Node, its libraries and what is made of the picture. */
const otherBytes = 128 * 1024 ** 2

/** Where the headers of OS/2 and of Windows have the size; both follow the header of the file. */
const headerAt = 14
const sizeAt = 18
const os2HeaderBytes = 12
const leastBytes = 26

export async function bmpPicture(bytes: Buffer, maxPixels: number, framing: Framing): Promise<Picture> {
  const { decode } = await import('@cwasm/nsbmp')
  const size = bmpSize(bytes)
  requireSize(size, maxPixels)
  const needed = copies * (bytes.length + size.width * size.height * bytesPerPixel)
  if (needed > decoderBytes - otherBytes) {
    throw failure('image_too_costly', { format: 'BMP' }, { cause: 'it would not fit' })
  }
  const { width, height, data } = decode(bytes)
  if (width !== size.width || height !== size.height) throw corrupt(`its decoder sees ${width}x${height}`)
  showHidden(data)
  const plan = uprightPlan({ width, height, page: null }, framing)
  return { plan, sent: await encoded(openBitmap(data, size), false, plan.size) }
}

/** Throws `corrupt_image`. */
export function bmpSize(bytes: Buffer): Size {
  if (bytes.length < leastBytes) throw corrupt('its header is cut off')
  const size =
    bytes.readUInt32LE(headerAt) === os2HeaderBytes
      ? { width: bytes.readUInt16LE(sizeAt), height: bytes.readUInt16LE(sizeAt + 2) }
      : // With a negative height the rows come from the top.
        { width: bytes.readInt32LE(sizeAt), height: Math.abs(bytes.readInt32LE(sizeAt + 4)) }
  if (size.width >= 1 && size.height >= 1) return size
  throw corrupt(`${size.width}x${size.height} pixels`)
}

/** A picture that is transparent all over comes from a program that knows no transparency: its colours are meant. */
function showHidden(rgba: Uint8ClampedArray): void {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] !== 0) return
  for (let at = 3; at < rgba.length; at += 4) rgba[at] = 255
}

const corrupt = (cause: string): Failure => failure('corrupt_image', { format: 'BMP' }, { cause })
