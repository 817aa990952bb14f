/**
 * Bytes -> a decoder over them that has read nothing but the header. Loaders of formats that are not accepted are shut
 * off.
 */
import sharp, { type Sharp } from 'sharp'
import { failure } from '../errors.ts'
import type { Size } from './tiles.ts'

/** Beyond this the shorter side vanishes in any model's resize; llama.cpp refuses some such pictures outright. */
const maxAspectRatio = 100
const decodeTimeoutSeconds = 30

// Only loaders for formats that are accepted: each one more is code that strangers' bytes would reach.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Tiff', 'Heif'].map((loader) => `VipsForeignLoad${loader}`),
})
sharp.cache(false)
// Several pictures are prepared side by side by libuv's threads; more threads each would take them from the engine.
sharp.concurrency(1)

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
