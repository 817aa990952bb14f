/**
 * The one way from what a caller sent to what the model is shown: receive, decode, encode. The same input always gives
 * the same bytes, because the engine finds its past work on a picture by their hash. Failures name the field in which
 * the caller sent the picture.
 */
import { Failure, failure, failureAt } from '../errors.ts'
import { tokensOf } from '../model/picture-cost/cost.ts'
import { createDecoding, type Decode, type DecodingOptions } from './decoding.ts'
import type { Framing } from './encode.ts'
import type { Picture } from './picture.ts'
import { withoutExtras } from './png-chunks.ts'
import { type FetchImage, type ImageSource, receive } from './receive.ts'
import { type Format, recognise } from './recognise.ts'
import { tileCount } from './tiles.ts'

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
  /** Tokens of the context that it takes; undefined where that is not known, and for models with tiles. */
  tokens: number | undefined
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

export type PreparerOptions = DecodingOptions & {
  /** Undefined where nothing is to be fetched. */
  fetchImage: FetchImage | undefined
}

export function createImagePreparer({ fetchImage, ...options }: PreparerOptions): PrepareImages {
  const decode = createDecoding(options)
  return async ({ image, field }, framing, signal) => {
    try {
      const bytes = await receive(image, fetchImage, signal)
      const format = await recognise(bytes)
      const pictures = await decoded(format, bytes, decode, framing, signal)
      return pictures.map((picture) => prepared(picture, { format, bytes }, framing))
    } catch (error) {
      throw error instanceof Failure && !signal.aborted ? failureAt(error, field) : error
    }
  }
}

async function decoded(
  format: Format,
  bytes: Buffer,
  decode: Decode,
  framing: Framing,
  signal: AbortSignal,
): Promise<Picture[]> {
  try {
    return await decode(format, format === 'PNG' ? withoutExtras(bytes) : bytes, framing, signal)
  } catch (error) {
    if (error instanceof Failure || signal.aborted) throw error
    throw failure('corrupt_image', { format }, { cause: error })
  }
}

function prepared(
  { plan, sent }: Picture,
  { format, bytes }: { format: Format; bytes: Buffer },
  { tiling, cost }: Framing,
): PreparedImage {
  const { unchanged, source, rotation, mirrored } = plan
  return {
    source: { ...source, format, bytes: bytes.length },
    rotation,
    mirrored,
    // Byte for byte what was received, with what was left out before it was decoded.
    bytes: unchanged ? bytes : sent.bytes,
    mediaType: `image/${sent.format}`,
    sent: { ...sent, bytes: unchanged ? bytes.length : sent.bytes.length, unchanged },
    tiles: tiling && tileCount(sent, tiling),
    tokens: cost && tokensOf(cost, sent),
  }
}
