/**
 * Picture bytes -> what the model is shown. A picture that needs nothing is passed on byte for byte; anything else
 * is turned upright, flattened onto white, made 8-bit sRGB and bounded in size. The same input always gives the same
 * bytes, because the engine finds its past work on a picture by their hash.
 */
import { type FileTypeResult, fileTypeFromBuffer } from 'file-type'
import sharp, { type Metadata, type Sharp } from 'sharp'
import { Failure, failure } from '../errors.ts'
import { decodeForeign, type ForeignFormat } from './isolated-decoder.ts'
import { type ImageDetail, type Size, sizeForDetail, type Tiling, tileCount } from './tiles.ts'

export type PreparedImage = {
  bytes: Buffer
  mediaType: 'image/jpeg' | 'image/png'
  /** What was received: format as users name it, pixels as stored (before rotation), the page of a document. */
  source: { format: string; width: number; height: number; bytes: number; page: number | null }
  /** Clockwise degrees by which EXIF had the picture turned; `mirrored` when it asked for a flip too. */
  rotation: 0 | 90 | 180 | 270
  mirrored: boolean
  /** What the engine gets. `unchanged` means byte for byte the source. */
  sent: { format: 'jpeg' | 'png'; width: number; height: number; bytes: number; unchanged: boolean }
  /** Tiles that the engine cuts it into; undefined for models without tiles. */
  tiles: number | undefined
}

/** How much of the picture the model is to see; without tiling there is nothing to choose. */
export type Framing = { detail: ImageDetail; tiling: Tiling | undefined }

export type ImageLimits = {
  maxPixels: number
  /** Most pages of a PDF. */
  pages: number
}

/** No model looks at more than this (Qwen3-VL: 4096 tokens of 32x32); it bounds the engine's memory, 7 bytes a pixel. */
const maxSentPixels = 4_194_304
/** Beyond this the shorter side vanishes in any model's resize; llama.cpp refuses some such pictures outright. */
const maxAspectRatio = 100
const decodeTimeoutSeconds = 30
const jpegQuality = 95

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

/**
 * Prepares a picture, or the first pages of a PDF: one unless it is such. Throws a typed failure for anything that is
 * not decodable within the limits, or the signal's reason.
 */
export async function prepareImages(
  bytes: Buffer,
  limits: ImageLimits,
  framing: Framing,
  signal: AbortSignal,
): Promise<PreparedImage[]> {
  const format = await recognise(bytes)
  try {
    if (format === 'HEIC' || format === 'PDF') {
      return await prepareForeign(format, bytes, limits, framing, signal)
    }
    return [await prepareImage(format, bytes, limits, framing)]
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error
    throw failure('corrupt_image', { field: 'image', format }, { cause: error })
  }
}

async function prepareImage(
  format: string,
  bytes: Buffer,
  limits: ImageLimits,
  framing: Framing,
): Promise<PreparedImage> {
  const header = await open(bytes).metadata()
  checkSize(header, limits)
  const size = sentSize(header.autoOrient, framing)
  const unchanged = passesAsIs(format, header, size)
  const sent = unchanged
    ? await proven(bytes, format, header)
    : await encoded(open(bytes).autoOrient(), format === 'JPEG', size)
  const source = { format, width: header.width, height: header.height, bytes: bytes.length, page: null }
  return prepared(sent, framing, { source, ...orientation(header.orientation), unchanged })
}

async function prepareForeign(
  format: ForeignFormat,
  bytes: Buffer,
  limits: ImageLimits,
  framing: Framing,
  signal: AbortSignal,
): Promise<PreparedImage[]> {
  const images: PreparedImage[] = []
  for (const { width, height, rgba, page } of await decodeForeign(format, bytes, limits, signal)) {
    checkSize({ width, height }, limits)
    const pixels = sharp(rgba, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    const sent = await encoded(pixels, format === 'HEIC', sentSize({ width, height }, framing))
    const source = { format, width, height, bytes: bytes.length, page }
    images.push(prepared(sent, framing, { source, rotation: 0, mirrored: false, unchanged: false }))
  }
  return images
}

type Origin = Pick<PreparedImage, 'source' | 'rotation' | 'mirrored'> & { unchanged: boolean }

const prepared = (sent: Sent, { tiling }: Framing, { unchanged, ...origin }: Origin): PreparedImage => ({
  ...origin,
  bytes: sent.bytes,
  mediaType: `image/${sent.format}`,
  sent: { ...sent, bytes: sent.bytes.length, unchanged },
  tiles: tiling && tileCount(sent, tiling),
})

/** The accepted format's name, found from the bytes alone. */
async function recognise(bytes: Buffer): Promise<string> {
  const type = await fileTypeFromBuffer(bytes)
  // file-type wants a TIFF's directory, which comes last: cut off, it must still be known as one.
  const format = accepted.get(type?.ext ?? (tiffMagic.test(bytes.toString('latin1', 0, 4)) ? 'tif' : ''))
  if (format) return format
  if (type?.mime.startsWith('image/hei')) return 'HEIC'
  if (type?.ext === 'pdf') return 'PDF'
  const name = otherFormat(type, bytes)
  throw name
    ? failure('unsupported_image_format', { field: 'image', actual: name, expected: acceptedNames })
    : failure('not_an_image', { field: 'image', expected: acceptedNames })
}

/** What it is instead, in the user's words. SVG is text, which file-type does not tell apart. */
function otherFormat(type: FileTypeResult | undefined, bytes: Buffer): string | undefined {
  if (/<svg[\s>]/i.test(bytes.toString('latin1', 0, 4096))) return 'SVG'
  return type?.ext.toUpperCase()
}

const open = (bytes: Buffer) =>
  // Pixels are bounded by checkSize, with both numbers; `page` takes the first frame of an animation or scan.
  sharp(bytes, { failOn: 'warning', limitInputPixels: false, page: 0, pages: 1 }).timeout({
    seconds: decodeTimeoutSeconds,
  })

function checkSize({ width, height }: Size, limits: ImageLimits): void {
  const size = { field: 'image', width, height }
  if (width * height > limits.maxPixels) {
    throw failure('image_too_large', { ...size, actual: width * height, limit: limits.maxPixels })
  }
  if (Math.max(width, height) > maxAspectRatio * Math.min(width, height)) {
    throw failure('image_too_narrow', { ...size, limit: maxAspectRatio })
  }
}

/** EXIF orientations 1 to 8: clockwise degrees and whether the picture is mirrored too. */
function orientation(exif = 1): { rotation: 0 | 90 | 180 | 270; mirrored: boolean } {
  const rotations = [0, 0, 180, 180, 90, 90, 270, 270] as const
  return { rotation: rotations[exif - 1] ?? 0, mirrored: [2, 4, 5, 7].includes(exif) }
}

/** Never larger than the source, upright. */
function sentSize({ width, height }: Size, { detail, tiling }: Framing): Size {
  const scale = Math.min(1, Math.sqrt(maxSentPixels / (width * height)))
  const scaled = (length: number) => Math.max(1, Math.floor(length * scale))
  const bounded = scale < 1 ? { width: scaled(width), height: scaled(height) } : { width, height }
  return tiling ? sizeForDetail(bounded, detail, tiling) : bounded
}

/** The engine decodes JPEG and PNG with stb_image: no orientation, no alpha, no profiles, no CMYK, no 16 bits. */
function passesAsIs(format: string, header: Metadata, size: Size): boolean {
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

type Sent = { bytes: Buffer; format: 'jpeg' | 'png'; width: number; height: number }

/** The bytes themselves, once all of them decoded. JPEG is read at an eighth of its size, still the whole stream. */
async function proven(bytes: Buffer, format: string, { width, height }: Metadata): Promise<Sent> {
  await open(bytes).resize(8, 8, { fit: 'fill' }).raw().toBuffer()
  return { bytes, format: format === 'JPEG' ? 'jpeg' : 'png', width, height }
}

/** A photo becomes a JPEG, since PNG would make megabytes of its noise; everything else a lossless PNG. */
async function encoded(pixels: Sharp, photo: boolean, { width, height }: Size): Promise<Sent> {
  const upright = pixels
    // The kernel that Llama 3.2 Vision was trained with.
    .resize({ width, height, fit: 'fill', kernel: 'linear' })
    .flatten({ background: 'white' })
    .toColourspace('srgb')
  const { data, info } = await (photo
    ? upright.jpeg({ quality: jpegQuality, chromaSubsampling: '4:4:4' })
    : upright.png()
  ).toBuffer({ resolveWithObject: true })
  return { bytes: data, format: photo ? 'jpeg' : 'png', width: info.width, height: info.height }
}
