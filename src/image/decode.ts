/**
 * Bytes -> a decoder over them that has read nothing but the header. Loaders of formats that are not accepted are shut
 * off, and in the service itself those too that need a whole picture at once.
 */
import sharp, { type Metadata, type Sharp } from 'sharp'
import { failure } from '../errors.ts'
import type { Format } from './recognise.ts'
import type { Size } from './tiles.ts'

/** Beyond this the shorter side vanishes in any model's resize; llama.cpp refuses some such pictures outright. */
const maxAspectRatio = 100
const decodeTimeoutSeconds = 30

/** Formats whose headers are read and whose pictures are decoded in the service, where they are small enough. */
const readHere = ['JPEG', 'PNG', 'WebP'] as const
export type ReadHere = (typeof readHere)[number]

const loaders: Record<Exclude<Format, 'HEIC' | 'BMP' | 'JPEG 2000' | 'PDF'>, string> = {
  JPEG: 'Jpeg',
  PNG: 'Png',
  WebP: 'Webp',
  GIF: 'Nsgif',
  TIFF: 'Tiff',
  AVIF: 'Heif',
}
export const isReadHere = (format: Format): format is ReadHere => readHere.some((one) => one === format)

/** Each loader more is code that strangers' bytes would reach: only a process that is there for it gets one. */
export const allowLoader = (format: keyof typeof loaders): void =>
  sharp.unblock({ operation: [`VipsForeignLoad${loaders[format]}`] })

sharp.block({ operation: ['VipsForeignLoad'] })
for (const format of readHere) allowLoader(format)
sharp.cache(false)
// Several pictures are prepared side by side by libuv's threads; more threads each would take them from the engine.
sharp.concurrency(1)

/** Decodes the first frame, for as long as a picture may take; throws what libvips finds wrong. */
export const openImage = (bytes: Buffer): Sharp =>
  // Pixels are bounded by requireSize, with both numbers; `page` takes the first frame of an animation or scan.
  sharp(bytes, { failOn: 'warning', limitInputPixels: false, page: 0, pages: 1 }).timeout({
    seconds: decodeTimeoutSeconds,
  })

/** Pixels that another decoder made: RGBA, 4 bytes each. */
export const openBitmap = (rgba: Uint8Array | Uint8ClampedArray, { width, height }: Size): Sharp =>
  sharp(rgba, { raw: { width, height, channels: 4 }, limitInputPixels: false })

/** Throws `image_too_large`, `image_too_narrow`, or what libvips finds wrong. */
export async function readHeader(bytes: Buffer, maxPixels: number): Promise<Metadata> {
  const header = await openImage(bytes).metadata()
  requireSize(header, maxPixels)
  return header
}

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
