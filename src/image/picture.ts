/**
 * A picture on its way to the model: what its header says shall become of it, and that done. The service and its
 * decoder processes do the same, so that it does not matter where a picture is decoded.
 */
import type { Metadata } from 'sharp'
import { openImage } from './decode.ts'
import { encoded, type Framing, passesAsIs, proven, type Sent, sentSize } from './encode.ts'
import type { Format } from './recognise.ts'
import type { Size } from './tiles.ts'

export type Plan = {
  /** Pixels as stored (before rotation), and the page of a document. */
  source: Size & { page: number | null }
  /** Clockwise degrees by which EXIF has the picture turned; `mirrored` when it asks for a flip too. */
  rotation: 0 | 90 | 180 | 270
  mirrored: boolean
  /** What is sent, upright. */
  size: Size
  /** Whether the engine gets what was received, byte for byte. */
  unchanged: boolean
}

/** `sent` holds the bytes that were read where nothing was to be changed. */
export type Picture = { plan: Plan; sent: Sent }

export function planOf(format: Format, header: Metadata, framing: Framing): Plan {
  const size = sentSize(header.autoOrient, framing)
  return {
    source: { width: header.width, height: header.height, page: null },
    ...orientation(header.orientation),
    size,
    unchanged: passesAsIs(format, header, size),
  }
}

/** Of a picture that its decoder has turned upright. */
export const uprightPlan = (source: Plan['source'], framing: Framing): Plan => ({
  source,
  rotation: 0,
  mirrored: false,
  size: sentSize(source, framing),
  unchanged: false,
})

/** Decodes all of it; throws what libvips finds wrong. */
export async function pictureOf(format: Format, bytes: Buffer, plan: Plan): Promise<Picture> {
  const sent = plan.unchanged
    ? await proven(bytes, format, plan.size)
    : await encoded(openImage(bytes).autoOrient(), format === 'JPEG', plan.size)
  return { plan, sent }
}

/** EXIF orientations 1 to 8: clockwise degrees and whether the picture is mirrored too. */
function orientation(exif = 1): Pick<Plan, 'rotation' | 'mirrored'> {
  const rotations = [0, 0, 180, 180, 90, 90, 270, 270] as const
  return { rotation: rotations[exif - 1] ?? 0, mirrored: [2, 4, 5, 7].includes(exif) }
}
