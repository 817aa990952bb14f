/**
 * Memory that pictures need while they are decoded, from what their headers say. The figures are those that
 * bench/picture-memory.ts measures, rounded up.
 */
import type { Metadata } from 'sharp'
import type { ReadHere } from './decode.ts'
import type { Plan } from './picture.ts'

const mib = 1024 ** 2

/** What a decoder process may have; Node and its libraries take about 110 MiB of it. */
export const decoderBytes = 448 * mib
/** What all pictures that are decoded in the service may need together, and one of them. */
export const hereBytes = 96 * mib
export const mostHereBytes = 48 * mib

/** Whatever the picture. */
const baseBytes = 4 * mib
/** Rows of a PNG that are there at once. */
const pngRows = 640
/** WebP is decoded whole, and packed anew from bytes of its own. */
const webpBytesPerPixel = 5.5
/** A JPEG's coefficients have two bytes. */
const coefficientBytes = 2

/** Bytes that it takes to decode a picture and to make of it what is sent. */
export function neededBytes(
  format: ReadHere,
  header: Metadata,
  { size, unchanged, rotation, mirrored }: Plan,
): number {
  const { channels, depth } = header
  const samples = channels * (depth === 'uchar' ? 1 : 2)
  // Rows of the source are gone when they are sent; what is sent is there as a whole, twice where it is turned.
  const turned = rotation > 0 || mirrored ? samples : 0
  const made = unchanged ? 0 : size.width * size.height * (samples + turned + 1)
  const rows = format === 'PNG' ? header.width * samples * pngRows : 0
  return baseBytes + made + rows + header.width * header.height * wholeBytesPerPixel(format, header, samples)
}

/** Of what has to be there as a whole before the first row can be made; else 0. */
function wholeBytesPerPixel(format: ReadHere, header: Metadata, samples: number): number {
  if (format === 'WebP') return webpBytesPerPixel
  if (!header.isProgressive) return 0
  if (format === 'PNG') return samples
  const halved = header.chromaSubsampling === '4:2:0' ? 2 : 1
  return (header.channels * coefficientBytes) / halved
}
