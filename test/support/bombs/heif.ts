/** HEICs and AVIFs of some KB that ask for much: one tile, shown again and again as the tiles of a grid. */
import sharp from 'sharp'
import { heic } from '../images.ts'

type Tile = { side: number; type: 'hvc1' | 'av01'; decoder: Buffer; pixels: Buffer; fileType: Buffer }

const number = (value: number, bytes: 1 | 2 | 4): Buffer => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntBE(value, 0, bytes)
  return buffer
}
function box(type: string, ...content: Buffer[]): Buffer {
  const inside = Buffer.concat(content)
  return Buffer.concat([number(inside.length + 8, 4), Buffer.from(type, 'latin1'), inside])
}
const fullBox = (type: string, version: number, ...content: Buffer[]): Buffer =>
  box(type, Buffer.from([version, 0, 0, 0]), ...content)
const named = (id: number, type: string, hidden: boolean) =>
  box(
    'infe',
    Buffer.from([2, 0, 0, hidden ? 1 : 0]),
    number(id, 2),
    number(0, 2),
    Buffer.from(`${type}\0`, 'latin1'),
  )
const sized = (width: number, height: number) => fullBox('ispe', 0, number(width, 4), number(height, 4))
const eightBits = fullBox('pixi', 0, Buffer.from([3, 8, 8, 8]))

/** The first box of a type, wherever it lies. */
function boxIn(file: Buffer, type: string): Buffer {
  const start = file.indexOf(type, 0, 'latin1') - 4
  return file.subarray(start, start + file.readUInt32BE(start))
}

/** What the grid claims need not be what its tiles fill. Its decoders take a thousand pieces at most. */
function grid(
  { side, type, decoder, pixels, fileType }: Tile,
  columns: number,
  rows: number,
  claimed = { width: columns * side, height: rows * side },
): Buffer {
  const { width, height } = claimed
  const ids = Array.from({ length: columns * rows }, (_, index) => index + 1)
  const whole = ids.length + 1
  const layout = Buffer.concat([
    Buffer.from([0, 0, rows - 1, columns - 1]),
    number(width, 2),
    number(height, 2),
  ])
  const metaWith = (pixelsAt: number): Buffer => {
    const located = (id: number, method: number, offset: number, bytes: number) =>
      Buffer.concat([
        ...[id, method, 0, 1].map((value) => number(value, 2)),
        number(offset, 4),
        number(bytes, 4),
      ])
    const references = box('dimg', ...[whole, ids.length, ...ids].map((id) => number(id, 2)))
    const associations = [
      ...ids.map((id) => Buffer.concat([number(id, 2), Buffer.from([3, 0x81, 2, 4])])),
      Buffer.concat([number(whole, 2), Buffer.from([2, 3, 4])]),
    ]
    return fullBox(
      'meta',
      0,
      fullBox('hdlr', 0, number(0, 4), Buffer.from('pict', 'latin1'), Buffer.alloc(13)),
      fullBox('pitm', 0, number(whole, 2)),
      fullBox(
        'iloc',
        1,
        Buffer.from([0x44, 0]),
        number(whole, 2),
        ...ids.map((id) => located(id, 0, pixelsAt, pixels.length)),
        located(whole, 1, 0, layout.length),
      ),
      fullBox(
        'iinf',
        0,
        number(whole, 2),
        ...ids.map((id) => named(id, type, true)),
        named(whole, 'grid', false),
      ),
      fullBox('iref', 0, references),
      box(
        'iprp',
        box('ipco', decoder, sized(side, side), sized(width, height), eightBits),
        fullBox('ipma', 0, number(whole, 4), ...associations),
      ),
      box('idat', layout),
    )
  }
  const pixelsAt = fileType.length + metaWith(0).length + 8
  return Buffer.concat([fileType, metaWith(pixelsAt), box('mdat', pixels)])
}

const heicTile: Tile = {
  side: 64,
  type: 'hvc1',
  decoder: boxIn(heic, 'hvcC'),
  pixels: boxIn(heic, 'mdat').subarray(8),
  fileType: boxIn(heic, 'ftyp'),
}

export const heicGrid = (columns = 25, rows = 39, claimed?: { width: number; height: number }): Buffer =>
  grid(heicTile, columns, rows, claimed)

/** The tiles are 512x512. */
export async function avifGrid(columns: number, rows: number, claimed?: { width: number; height: number }) {
  const side = 512
  const file = await sharp({ create: { width: side, height: side, channels: 3, background: '#804020' } })
    .avif({ effort: 0, chromaSubsampling: '4:2:0' })
    .toBuffer()
  const [decoder, pixels, fileType] = ['av1C', 'mdat', 'ftyp'].map((type) => boxIn(file, type)) as [
    Buffer,
    Buffer,
    Buffer,
  ]
  return grid({ side, type: 'av01', decoder, pixels: pixels.subarray(8), fileType }, columns, rows, claimed)
}
