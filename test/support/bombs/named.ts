/** Pictures of a few KB, or some hundred at most, that ask for much, each with what it is. */
import sharp from 'sharp'
import { bmpClaiming } from '../bmp.ts'
import { codestreamClaiming } from '../jpeg2000.ts'
import { avifGrid, heicGrid } from './heif.ts'
import { nestedForms, packedImage, pdfOf, pdfWithoutPages, tinyTiles, vastPage } from './pdf.ts'
import { blackPng, chunkBomb, pngClaiming, profileBomb, textBomb } from './png.ts'

export type Bomb = { name: string; make: () => Buffer | Promise<Buffer> }

/** One for each of the values. */
const each = <Value>(
  values: readonly Value[],
  name: string,
  make: (value: Value) => Buffer | Promise<Buffer>,
): Bomb[] => values.map((value) => ({ name: `${name} ${value}`, make: () => make(value) }))

const flat = (side: number, height = side) =>
  sharp({ create: { width: side, height, channels: 3, background: '#804020' }, limitInputPixels: false })

/** Sides that are within the limit of pixels, at it, and beyond it. */
const sides = [1000, 3000, 5000, 7000, 7071, 7072, 12_000]
const claims = [1, 100, 7000, 7071, 7072, 65_535, 1_000_000, 2 ** 31 - 1]

const pngs: Bomb[] = [
  ...each(sides, 'PNG', (side) => blackPng(side, side)),
  ...each(sides.slice(0, 6), 'PNG, interlaced', (side) => blackPng(side, side, { interlaced: true })),
  ...each(claims, 'PNG that claims', (side) => pngClaiming(side, side)),
  ...each(claims, 'PNG that claims a width of', (width) => pngClaiming(width, 1)),
  ...each([1, 10, 25, 60], 'PNG with texts', (texts) => textBomb('zTXt', texts)),
  ...each([1, 10, 25, 60], 'PNG with international texts', (texts) => textBomb('iTXt', texts)),
  ...each([1000, 50_000, 99_000, 300_000], 'PNG with chunks', chunkBomb),
  { name: 'PNG with a profile', make: profileBomb },
]

/** One row of pixels for all that it claims. */
function gifClaiming(side: number): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt16LE(side, 0)
  size.writeUInt16LE(side, 2)
  const [screen, frame, pixels] = ['800000000000ffffff', '2c00000000', '0002024401003b'].map((hex) =>
    Buffer.from(hex, 'hex'),
  ) as [Buffer, Buffer, Buffer]
  return Buffer.concat([Buffer.from('GIF89a'), size, screen, frame, size, pixels])
}

const frames = (count: number) =>
  sharp(Buffer.alloc(500 * 500 * count * 3, '#8040'), {
    raw: { width: 500, height: 500 * count, channels: 3, pageHeight: 500 },
  })

const others: Bomb[] = [
  ...each([1, 100, 7000, 7071, 7072, 65_535], 'GIF that claims', gifClaiming),
  ...each([2, 20, 60], 'GIF with frames', (count) => frames(count).gif({ effort: 1 }).toBuffer()),
  ...each([2, 20, 60], 'WebP with frames', (count) => frames(count).webp({ effort: 0 }).toBuffer()),
  ...each(sides.slice(0, 5), 'JPEG', (side) => flat(side).jpeg().toBuffer()),
  ...each(sides.slice(0, 5), 'JPEG, progressive', (side) =>
    flat(side).jpeg({ progressive: true }).toBuffer(),
  ),
  ...each(sides.slice(0, 5), 'JPEG, progressive and CMYK', (side) =>
    flat(side).toColourspace('cmyk').jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
  ),
  ...each(sides.slice(0, 5), 'WebP', (side) => flat(side).webp({ effort: 0 }).toBuffer()),
  ...each(sides.slice(0, 5), 'WebP, lossless', (side) =>
    flat(side).webp({ lossless: true, effort: 0 }).toBuffer(),
  ),
  ...each(sides.slice(0, 5), 'GIF', (side) => flat(side).gif({ effort: 1 }).toBuffer()),
  ...each(sides.slice(0, 5), 'TIFF', (side) => flat(side).tiff({ compression: 'deflate' }).toBuffer()),
  ...each(sides.slice(0, 5), 'TIFF, tiles', (side) =>
    flat(side).tiff({ compression: 'deflate', tile: true, tileWidth: 256, tileHeight: 256 }).toBuffer(),
  ),
  ...each(sides.slice(0, 5), 'TIFF, 16 bits', (side) =>
    flat(side).toColourspace('rgb16').tiff({ compression: 'deflate' }).toBuffer(),
  ),
]

const grids: Bomb[] = [
  ...each([1, 4, 8, 13, 14], 'AVIF of tiles', (side) => avifGrid(side, side)),
  ...each([100, 7000, 7071, 60_000], 'AVIF that claims', (side) =>
    avifGrid(4, 4, { width: side, height: side }),
  ),
  ...each([5, 15, 25, 31], 'HEIC of tiles', (side) => heicGrid(side, side)),
  ...each([100, 7000, 7071, 60_000], 'HEIC that claims', (side) =>
    heicGrid(4, 4, { width: side, height: side }),
  ),
]

const claimed: Bomb[] = [
  ...each([100, 5000, 6500, 7071, 60_000], 'BMP that claims', (side) => bmpClaiming(side, side)),
  ...each([100, 3000, 5000, 7071, 60_000], 'JPEG 2000 that claims', (side) => codestreamClaiming(side, side)),
  ...each([1, 27, 28, 1000], 'JPEG 2000 of 7000x7000 with tiles of', (side) =>
    codestreamClaiming(7000, 7000, { tile: { width: side, height: side } }),
  ),
  ...each([4, 5, 16_384], 'JPEG 2000 with components', (components) =>
    codestreamClaiming(1000, 1000, { components }),
  ),
]

const pages = (count: number) =>
  pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${'3 0 R '.repeat(count)}] /Count ${count} >>`,
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 14400 14400] >>',
  ])
const documents: Bomb[] = [
  { name: 'PDF without pages', make: pdfWithoutPages },
  { name: 'PDF whose pages are each other', make: () => pdfOf(['<< /Type /Catalog /Pages 1 0 R >>']) },
  ...each([2, 5, 10, 20, 40, 60, 100], 'PDF, groups within groups', (depth) => nestedForms(depth)),
  ...each([2, 3, 4, 6, 12], 'PDF, ten groups in each of', (depth) => nestedForms(depth, 10)),
  ...each([100, 14_400, 100_000, 10_000_000], 'PDF, groups on a page of', (points) =>
    nestedForms(8, 1, points),
  ),
  ...each([5000, 10_000, 20_000, 40_000], 'PDF with a picture of', (side) => packedImage(side)),
  ...each([2, 3], 'PDF with a picture packed', (wrappings) => packedImage(20_000, wrappings)),
  ...each([0, 1, 14_400, 200_000, 2 ** 31], 'PDF with a page of', vastPage),
  ...each([8, 1000, 100_000], 'PDF with pages', pages),
  ...each([100, 10_000], 'PDF, tiles without number on', tinyTiles),
]

export const bombs: Bomb[] = [...pngs, ...others, ...grids, ...claimed, ...documents]
