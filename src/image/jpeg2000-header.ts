/**
 * What a JPEG 2000 says of its picture before any of it is decoded: the codestream alone, or one in the boxes of a JP2.
 * Numbers are where ISO/IEC 15444-1 has them: markers in annex A, boxes in annex I.
 */
import { type Failure, failure } from '../errors.ts'
import type { Size } from './tiles.ts'

export type Jpeg2000Header = {
  size: Size
  /** From the origin of coordinates, which the picture need not begin at. */
  reach: Size
  components: number
  tiles: number
  /** How many times it can be had at half the size, for much less than all of it takes. */
  halvings: number
  boxed: boolean
}

const markers = { start: 0xff4f, size: 0xff51, coding: 0xff52, componentCoding: 0xff53, tile: 0xff90 }
/** After the start, the marker and its length: what the size's segment holds of every picture. */
const sizeBytes = 42

/** Throws `corrupt_image`. */
export function readJpeg2000Header(bytes: Buffer): Jpeg2000Header {
  const boxed = bytes.length < 2 || bytes.readUInt16BE(0) !== markers.start
  const stream = boxed ? boxedCodestream(bytes) : bytes
  if (stream.length < sizeBytes) throw corrupt('its header is cut off')
  if (stream.readUInt16BE(0) !== markers.start || stream.readUInt16BE(2) !== markers.size)
    throw corrupt('it does not begin with its size')
  const reach = { width: stream.readUInt32BE(8), height: stream.readUInt32BE(12) }
  const size = {
    width: reach.width - stream.readUInt32BE(16),
    height: reach.height - stream.readUInt32BE(20),
  }
  if (size.width < 1 || size.height < 1) throw corrupt(`${size.width}x${size.height} pixels`)
  return {
    size,
    reach,
    components: stream.readUInt16BE(40),
    tiles: tilesOf(stream, reach),
    halvings: halvingsOf(stream),
    boxed,
  }
}

function tilesOf(stream: Buffer, { width, height }: Size): number {
  const [columnWidth, rowHeight] = [stream.readUInt32BE(24), stream.readUInt32BE(28)]
  if (columnWidth < 1 || rowHeight < 1) throw corrupt(`tiles of ${columnWidth}x${rowHeight}`)
  const columns = Math.ceil((width - stream.readUInt32BE(32)) / columnWidth)
  return columns * Math.ceil((height - stream.readUInt32BE(36)) / rowHeight)
}

function boxedCodestream(file: Buffer): Buffer {
  for (let at = 0; at + 8 <= file.length; ) {
    const length = file.readUInt32BE(at)
    // 1: a longer length follows the name.
    const headBytes = length === 1 ? 16 : 8
    if (file.toString('latin1', at + 4, at + 8) === 'jp2c') return file.subarray(at + headBytes)
    if (at + headBytes > file.length) break
    const whole = length === 1 ? Number(file.readBigUInt64BE(at + 8)) : length
    // 0: up to the end.
    if (whole < headBytes) break
    at += whole
  }
  throw corrupt('it has no codestream')
}

/** The least that the main header tells of any component. Tiles may tell less, which few encoders have them do. */
function halvingsOf(stream: Buffer): number {
  let halvings: number | undefined
  for (let at = 2; at + 10 <= stream.length; ) {
    const marker = stream.readUInt16BE(at)
    if (marker === markers.tile) break
    const told =
      marker === markers.coding
        ? stream.readUInt8(at + 9)
        : marker === markers.componentCoding
          ? stream.readUInt8(at + 6)
          : undefined
    if (told !== undefined) halvings = Math.min(halvings ?? told, told)
    at += 2 + stream.readUInt16BE(at + 2)
  }
  return halvings ?? 0
}

/** With what is wrong, for the log. */
export const corrupt = (cause: string): Failure =>
  failure('corrupt_image', { format: 'JPEG 2000' }, { cause })
