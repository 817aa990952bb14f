/** BMPs of 6x4 pixels: red and green above, blue and yellow below, in the ways that they can hold colours. */

const width = 6
const height = 4
const colours = [
  [208, 32, 32],
  [32, 176, 32],
  [32, 32, 208],
  [224, 224, 32],
] as const

/** Which of the colours a pixel has; rows are counted from above. */
const quarter = (x: number, y: number): number => (y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)

type Header = {
  bits: number
  compression?: number
  /** 12 is that of OS/2, 40 the plain one, 108 and 124 have masks within. */
  headerBytes?: number
  /** Of red, green, blue and alpha. */
  masks?: number[]
  colours?: readonly (readonly number[])[]
  fromAbove?: boolean
  size?: { width: number; height: number }
}

/** A file of these rows, whose headers are as told. */
export function bmp(pixels: Buffer, header: Header): Buffer {
  const { bits, compression = 0, headerBytes = 40, masks = [], fromAbove = false } = header
  const { width: columns, height: rows } = header.size ?? { width, height }
  const info = Buffer.alloc(headerBytes)
  info.writeUInt32LE(headerBytes)
  if (headerBytes === 12) {
    info.writeUInt16LE(columns, 4)
    info.writeUInt16LE(rows, 6)
    info.writeUInt16LE(1, 8)
    info.writeUInt16LE(bits, 10)
  } else {
    info.writeInt32LE(columns, 4)
    info.writeInt32LE(fromAbove ? -rows : rows, 8)
    info.writeUInt16LE(1, 12)
    info.writeUInt16LE(bits, 14)
    info.writeUInt32LE(compression, 16)
    info.writeUInt32LE(pixels.length, 20)
    info.writeUInt32LE(header.colours?.length ?? 0, 32)
  }
  const maskBytes = Buffer.alloc(4 * masks.length)
  for (const [index, mask] of masks.entries()) maskBytes.writeUInt32LE(mask, 4 * index)
  const masksWithin = headerBytes > 40
  if (masksWithin) maskBytes.copy(info, 40)
  const table = Buffer.from(
    // That of OS/2 tells no number of colours.
    Array.from(
      { length: headerBytes === 12 ? 2 ** bits : (header.colours?.length ?? 0) },
      (_, index) => header.colours?.[index] ?? [],
    ).flatMap(([red = 0, green = 0, blue = 0]) =>
      headerBytes === 12 ? [blue, green, red] : [blue, green, red, 0],
    ),
  )
  const beforePixels = [info, ...(masksWithin ? [] : [maskBytes]), table]
  const file = Buffer.alloc(14)
  file.write('BM', 'latin1')
  const offset = 14 + beforePixels.reduce((sum, part) => sum + part.length, 0)
  file.writeUInt32LE(offset + pixels.length, 2)
  file.writeUInt32LE(offset, 10)
  return Buffer.concat([file, ...beforePixels, pixels])
}

/** Rows from below, each padded to four bytes. */
function rows(bits: number, pixel: (x: number, y: number) => number, fromAbove = false): Buffer {
  const rowBytes = 4 * Math.ceil((width * bits) / 32)
  const pixels = Buffer.alloc(rowBytes * height)
  for (let row = 0; row < height; row += 1) {
    const y = fromAbove ? row : height - 1 - row
    for (let x = 0; x < width; x += 1) {
      const value = pixel(x, y)
      const at = row * rowBytes + Math.floor((x * bits) / 8)
      if (bits >= 8) pixels.writeUIntLE(value, at, bits / 8)
      else pixels[at] = (pixels[at] ?? 0) | (value << (8 - bits - ((x * bits) % 8)))
    }
  }
  return pixels
}

/** Red, green, blue and alpha, each with so many bits, the first named in the highest. */
const packed =
  (order: readonly (readonly [channel: number, bits: number])[], alpha = () => 255) =>
  (x: number, y: number): number => {
    const rgba = [...(colours[quarter(x, y)] ?? []), alpha()]
    return order.reduce((sum, [channel, bits]) => sum * 2 ** bits + ((rgba[channel] ?? 0) >> (8 - bits)), 0)
  }
const [red, green, blue, alpha] = [0, 1, 2, 3]
const bgr24 = packed([
  [red, 8],
  [green, 8],
  [blue, 8],
])
const argb32 = (opacity?: () => number) =>
  packed(
    [
      [alpha, 8],
      [red, 8],
      [green, 8],
      [blue, 8],
    ],
    opacity,
  )
const masks32 = [0xff0000, 0xff00, 0xff, 0xff000000]
const rgb555 = packed([
  [red, 5],
  [green, 5],
  [blue, 5],
])
const rgb565 = packed([
  [red, 5],
  [green, 6],
  [blue, 5],
])

/** Runs of three equal pixels, from below; the last of the lists is written out pixel by pixel. */
const runs8 = Buffer.from([
  3, 2, 3, 3, 0, 0, 3, 2, 3, 3, 0, 0, 3, 0, 3, 1, 0, 0, 0, 6, 0, 0, 0, 1, 1, 1, 0, 1,
])
const runs4 = Buffer.from([
  ...[3, 0x22, 3, 0x33, 0, 0, 3, 0x22, 3, 0x33, 0, 0, 3, 0x00, 3, 0x11, 0, 0],
  ...[0, 6, 0x00, 0x01, 0x11, 0, 0, 1],
])

/** Everything in the four colours, by what it is. */
export const inColour: Record<string, Buffer> = {
  '4 bits': bmp(rows(4, quarter), { bits: 4, colours }),
  '8 bits': bmp(rows(8, quarter), { bits: 8, colours }),
  // libnsbmp wants to see four bytes for each of 256 colours, of which this has three.
  '8 bits of OS/2': Buffer.concat([
    bmp(rows(8, quarter), { bits: 8, colours, headerBytes: 12 }),
    Buffer.alloc(256),
  ]),
  '4 bits in runs': bmp(runs4, { bits: 4, compression: 2, colours }),
  '8 bits in runs': bmp(runs8, { bits: 8, compression: 1, colours }),
  '16 bits': bmp(rows(16, rgb555), { bits: 16 }),
  '16 bits with masks': bmp(rows(16, rgb565), { bits: 16, compression: 3, masks: [0xf800, 0x7e0, 0x1f] }),
  '24 bits': bmp(rows(24, bgr24), { bits: 24 }),
  '24 bits from above': bmp(rows(24, bgr24, true), { bits: 24, fromAbove: true }),
  '32 bits': bmp(rows(32, bgr24), { bits: 32 }),
  '32 bits with a header of version 4': bmp(rows(32, argb32()), {
    ...{ bits: 32, compression: 3, masks: masks32, headerBytes: 108 },
  }),
  '32 bits, nothing of it opaque': bmp(
    rows(
      32,
      argb32(() => 0),
    ),
    { bits: 32, compression: 3, masks: masks32, headerBytes: 124 },
  ),
}

/** Black on the left, white on the right. */
export const twoTones = bmp(
  rows(1, (x) => (x < width / 2 ? 0 : 1)),
  {
    bits: 1,
    colours: [
      [0, 0, 0],
      [255, 255, 255],
    ],
  },
)

/** A quarter of the colours over nothing. */
export const transparent = bmp(
  rows(
    32,
    argb32(() => 64),
  ),
  { bits: 32, compression: 3, masks: masks32, headerBytes: 124 },
)

/** Claims a size, and has next to nothing of it: one run, then the end. */
export const bmpClaiming = (columns: number, rows: number, headerBytes = 40): Buffer =>
  bmp(Buffer.from([3, 1, 0, 1]), {
    ...{ bits: 8, compression: 1, colours, headerBytes },
    size: { width: columns, height: rows },
  })
