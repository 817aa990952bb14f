/**
 * Bytes -> what they are, and a decoder over them that has read nothing but the header. Bytes decide the format, never
 * a name; loaders of other formats are shut off.
 */
import { type FileTypeResult, fileTypeFromBuffer } from 'file-type'
import sharp, { type Sharp } from 'sharp'
import { failure } from '../errors.ts'
import type { Size } from './tiles.ts'

/** Beyond this the shorter side vanishes in any model's resize; llama.cpp refuses some such pictures outright. */
const maxAspectRatio = 100
const decodeTimeoutSeconds = 30

const accepted = new Map([
  ['jpg', 'JPEG'],
  ['png', 'PNG'],
  ['apng', 'PNG'],
  ['webp', 'WebP'],
  ['gif', 'GIF'],
  ['tif', 'TIFF'],
  ['avif', 'AVIF'],
])
const acceptedNames = [...new Set(accepted.values()), 'HEIC', 'PDF'].join(', ')

const tiffMagic = /^(II\*\0|MM\0\*)/

// Only loaders for the formats above: each one more is code that strangers' bytes would reach.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((loader) => `VipsForeignLoad${loader}`),
})
sharp.cache(false)
// Several pictures are prepared side by side by libuv's threads; more threads each would take them from the engine.
sharp.concurrency(1)

/** The accepted format's name. Throws `unsupported_image_format` or `not_an_image`. */
export async function recognise(bytes: Buffer): Promise<string> {
  const type = await fileTypeFromBuffer(bytes)
  // file-type wants a TIFF's directory, which comes last: cut off, it must still be known as one.
  const format = accepted.get(type?.ext ?? (tiffMagic.test(bytes.toString('latin1', 0, 4)) ? 'tif' : ''))
  if (format) return format
  if (type?.mime.startsWith('image/hei')) return 'HEIC'
  if (type?.ext === 'pdf') return 'PDF'
  const name = otherFormat(type, bytes)
  throw name
    ? failure('unsupported_image_format', { actual: name, expected: acceptedNames })
    : failure('not_an_image', { expected: acceptedNames })
}

/** What it is instead, in the user's words. SVG is text, which file-type does not tell apart. */
function otherFormat(type: FileTypeResult | undefined, bytes: Buffer): string | undefined {
  if (/<svg[\s>]/i.test(bytes.toString('latin1', 0, 4096))) return 'SVG'
  return type?.ext.toUpperCase()
}

/** Decodes the first frame, for as long as a picture may take; throws what libvips finds wrong. */
export const openImage = (bytes: Buffer): Sharp =>
  // Pixels are bounded by requireSize, with both numbers; `page` takes the first frame of an animation or scan.
  sharp(bytes, { failOn: 'warning', limitInputPixels: false, page: 0, pages: 1 }).timeout({
    seconds: decodeTimeoutSeconds,
  })

/** Throws `image_too_large` or `image_too_narrow`. */
export function requireSize({ width, height }: Size, maxPixels: number): void {
  const size = { width, height }
  if (width * height > maxPixels) {
    throw failure('image_too_large', { ...size, actual: width * height, limit: maxPixels })
  }
  if (Math.max(width, height) > maxAspectRatio * Math.min(width, height)) {
    throw failure('image_too_narrow', { ...size, limit: maxAspectRatio })
  }
}
