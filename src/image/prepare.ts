/**
 * The one way from what a caller sent to what the model is shown: receive, decode, encode. The same input always gives
 * the same bytes, because the engine finds its past work on a picture by their hash. Failures name the field in which
 * the caller sent the picture.
 */
import sharp from 'sharp'
import { Failure, failure, failureAt } from '../errors.ts'
import type { Tiling } from '../model/families/family.ts'
import { openImage, requireSize } from './decode.ts'
import { encoded, passesAsIs, proven, type Sent, sentSize } from './encode.ts'
import { decodeIsolated, type IsolatedFormat } from './isolated-decoder.ts'
import { createLane, type Lane } from './lane.ts'
import { withoutExtras } from './png-chunks.ts'
import { type FetchImage, type ImageSource, receive } from './receive.ts'
import { type Format, recognise } from './recognise.ts'
import { type ImageDetail, tileCount } from './tiles.ts'

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

/** How much of a picture the model is to see; without tiling there is nothing to choose. */
export type Framing = {
  detail: ImageDetail
  tiling: Tiling | undefined
  /** Most tiles that each picture may have of those that the model allows; undefined for all. */
  tileLimit?: number | undefined
  /** Most pages of a PDF; it may have fewer. */
  pages: number
}

/**
 * Prepares a picture, or the first pages of a PDF: one unless it is such. Rejects with a typed failure for anything
 * that is not to be had or not decodable within the limits, or with the signal's reason.
 */
export type PrepareImages = (
  picture: { image: ImageSource; field: string },
  framing: Framing,
  signal: AbortSignal,
) => Promise<PreparedImage[]>

export type PreparerOptions = {
  /** Of a picture, or of all pages of a document. */
  maxPixels: number
  /** Undefined where nothing is to be fetched. */
  fetchImage: FetchImage | undefined
}

export function createImagePreparer({ maxPixels, fetchImage }: PreparerOptions): PrepareImages {
  const lane = createLane(maxPixels * largestAtOnce)
  return async ({ image, field }, framing, signal) => {
    try {
      const bytes = await receive(image, fetchImage, signal)
      return await prepareImages(bytes, { maxPixels, lane }, framing, signal)
    } catch (error) {
      throw error instanceof Failure && !signal.aborted ? failureAt(error, field) : error
    }
  }
}

/** One that takes its time must not keep all others waiting. */
const largestAtOnce = 2

type DecodeLimits = { maxPixels: number; lane: Lane }

async function prepareImages(
  bytes: Buffer,
  limits: DecodeLimits,
  framing: Framing,
  signal: AbortSignal,
): Promise<PreparedImage[]> {
  const format = await recognise(bytes)
  try {
    if (format === 'HEIC' || format === 'PDF') {
      return await prepareIsolated(format, bytes, limits, framing, signal)
    }
    return [await prepareImage(format, bytes, limits, framing, signal)]
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error
    throw failure('corrupt_image', { format }, { cause: error })
  }
}

async function prepareImage(
  format: Format,
  bytes: Buffer,
  { maxPixels, lane }: DecodeLimits,
  framing: Framing,
  signal: AbortSignal,
): Promise<PreparedImage> {
  const readable = format === 'PNG' ? withoutExtras(bytes) : bytes
  const header = await openImage(readable).metadata()
  requireSize(header, maxPixels)
  const size = sentSize(header.autoOrient, framing)
  const unchanged = passesAsIs(format, header, size)
  const sent = await lane.run(header.width * header.height, signal, async () =>
    unchanged
      ? { ...(await proven(readable, format, header)), bytes }
      : encoded(openImage(readable).autoOrient(), format === 'JPEG', size),
  )
  const source = { format, width: header.width, height: header.height, bytes: bytes.length, page: null }
  return prepared(sent, framing, { source, ...orientation(header.orientation), unchanged })
}

/** Their sizes are known only to their decoders, so they count as the largest there may be. */
async function prepareIsolated(
  format: IsolatedFormat,
  bytes: Buffer,
  { maxPixels, lane }: DecodeLimits,
  framing: Framing,
  signal: AbortSignal,
): Promise<PreparedImage[]> {
  return lane.run(maxPixels, signal, async () => {
    const images: PreparedImage[] = []
    const bitmaps = await decodeIsolated(format, bytes, { maxPixels, pages: framing.pages }, signal)
    for (const { width, height, rgba, page } of bitmaps) {
      requireSize({ width, height }, maxPixels)
      const pixels = sharp(rgba, { raw: { width, height, channels: 4 }, limitInputPixels: false })
      const sent = await encoded(pixels, format === 'HEIC', sentSize({ width, height }, framing))
      const source = { format, width, height, bytes: bytes.length, page }
      images.push(prepared(sent, framing, { source, rotation: 0, mirrored: false, unchanged: false }))
    }
    return images
  })
}

type Origin = Pick<PreparedImage, 'source' | 'rotation' | 'mirrored'> & { unchanged: boolean }

const prepared = (sent: Sent, { tiling }: Framing, { unchanged, ...origin }: Origin): PreparedImage => ({
  ...origin,
  bytes: sent.bytes,
  mediaType: `image/${sent.format}`,
  sent: { ...sent, bytes: sent.bytes.length, unchanged },
  tiles: tiling && tileCount(sent, tiling),
})

/** EXIF orientations 1 to 8: clockwise degrees and whether the picture is mirrored too. */
function orientation(exif = 1): { rotation: 0 | 90 | 180 | 270; mirrored: boolean } {
  const rotations = [0, 0, 180, 180, 90, 90, 270, 270] as const
  return { rotation: rotations[exif - 1] ?? 0, mirrored: [2, 4, 5, 7].includes(exif) }
}
