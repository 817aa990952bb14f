/**
 * A decoded picture -> what the engine gets: upright, flattened onto white, 8-bit sRGB and bounded in size, or byte
 * for byte the source when it is all that already.
 */
import type { Metadata, Sharp } from 'sharp'
import type { Tiling } from '../model/families/family.ts'
import { type PictureCost, sizeWithin } from '../model/picture-cost/cost.ts'
import { openImage } from './decode.ts'
import { type ImageDetail, type Size, sizeForDetail } from './tiles.ts'

/** How much of a picture the model is to see. */
export type Framing = {
  detail: ImageDetail
  tiling: Tiling | undefined
  /** Most tiles that each picture may have of those that the model allows; undefined for all. */
  tileLimit?: number | undefined
  /** For models whose pictures are tokens of the context: what one takes of it, and the most that each may take. */
  cost?: PictureCost | undefined
  tokenLimit?: number | undefined
  /** Most pages of a PDF; it may have fewer. */
  pages: number
}

/** No model looks at more than this (Qwen3-VL: 4096 tokens of 32x32); it bounds the engine's memory, 7 bytes a pixel. */
const maxSentPixels = 4_194_304
const jpegQuality = 95

export type Sent = { bytes: Buffer; format: 'jpeg' | 'png'; width: number; height: number }

/** Never larger than the source, upright. */
export function sentSize(
  { width, height }: Size,
  { detail, tiling, tileLimit, cost, tokenLimit }: Omit<Framing, 'pages'>,
): Size {
  const scale = Math.min(1, Math.sqrt(maxSentPixels / (width * height)))
  const scaled = (length: number) => Math.max(1, Math.floor(length * scale))
  const bounded = scale < 1 ? { width: scaled(width), height: scaled(height) } : { width, height }
  if (tiling) return sizeForDetail(bounded, detail, tiling, tileLimit)
  return cost && tokenLimit !== undefined ? sizeWithin(cost, bounded, tokenLimit) : bounded
}

/** The engine decodes JPEG and PNG with stb_image: no orientation, no alpha, no profiles, no CMYK, no 16 bits. */
export function passesAsIs(format: string, header: Metadata, size: Size): boolean {
  return (
    (format === 'JPEG' || format === 'PNG') &&
    (header.orientation ?? 1) === 1 &&
    !header.hasAlpha &&
    !header.hasProfile &&
    header.depth === 'uchar' &&
    (header.space === 'srgb' || header.space === 'b-w') &&
    header.width === size.width &&
    header.height === size.height
  )
}

/** The bytes themselves, once all of them decoded. JPEG is read at an eighth of its size, still the whole stream. */
export async function proven(bytes: Buffer, format: string, { width, height }: Size): Promise<Sent> {
  await openImage(bytes).resize(8, 8, { fit: 'fill' }).raw().toBuffer()
  return { bytes, format: format === 'JPEG' ? 'jpeg' : 'png', width, height }
}

/** A photo becomes a JPEG, since PNG would make megabytes of its noise; everything else a lossless PNG. */
export async function encoded(pixels: Sharp, photo: boolean, { width, height }: Size): Promise<Sent> {
  const upright = pixels
    // The kernel that Llama 3.2 Vision was trained with.
    .resize({ width, height, fit: 'fill', kernel: 'linear' })
    .flatten({ background: 'white' })
    .toColourspace('srgb')
  const { data, info } = await (photo
    ? upright.jpeg({ quality: jpegQuality, chromaSubsampling: '4:4:4', optimiseCoding: false })
    : upright.png()
  ).toBuffer({ resolveWithObject: true })
  return { bytes: data, format: photo ? 'jpeg' : 'png', width: info.width, height: info.height }
}
