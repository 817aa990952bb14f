import t from 'tap'
import type { Framing } from '../../src/image/encode.ts'
import { readJpeg2000Header } from '../../src/image/jpeg2000-header.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { pixelAt } from '../support/images.ts'
import {
  codestreamClaiming,
  codestreams,
  halfTransparent,
  inColour,
  inGrey,
  jp2,
} from '../support/jpeg2000.ts'

// Each picture has a process.
t.setTimeout(300_000)

const whole: Framing = { detail: 'auto', tiling: undefined, pages: 1 }
const prepareAll = createImagePreparer({
  maxPixels: 50_000_000,
  availableBytes: async () => Number.POSITIVE_INFINITY,
  fetchImage: undefined,
})
const never = new AbortController().signal

async function prepare(image: Buffer | string, framing = whole) {
  const [prepared] = await prepareAll({ image, field: 'image' }, framing, never)
  if (!prepared) throw new Error('no picture')
  return prepared
}

/** Near the corners, since what is sent is a JPEG. */
async function corners(image: Buffer, framing = whole) {
  const { bytes, sent } = await prepare(image, framing)
  const [right, bottom] = [Math.ceil(0.9 * sent.width) - 1, Math.ceil(0.9 * sent.height) - 1]
  const [left, top] = [Math.floor(0.1 * sent.width), Math.floor(0.1 * sent.height)]
  const places = [
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
  ] as const
  return Promise.all(places.map(([x, y]) => pixelAt(bytes, x, y)))
}

const farthest = (seen: number[][], from: number[][]): number =>
  Math.max(
    ...seen.flatMap((pixel, place) => pixel.map((value, at) => Math.abs(value - (from[place]?.[at] ?? 999)))),
  )

const colours = [
  [208, 32, 32],
  [32, 176, 32],
  [32, 32, 208],
  [224, 224, 32],
]
const greys = [85, 117, 52, 202]
const three = (value: number) => [value, value, value]
const onWhite = (value: number) => 255 - (255 - value) / 4

t.test('its colours are seen, in whatever way they are held', async (t) => {
  for (const [name, image] of Object.entries(inColour)) {
    const off = farthest(await corners(image), colours)
    t.ok(off <= 8, `${name}: off by ${off}`)
  }
  for (const [name, image] of Object.entries(inGrey)) {
    const off = farthest(await corners(image), greys.map(three))
    t.ok(off <= 4, `grey, ${name}: off by ${off}`)
  }
})

t.test('what is transparent shows white', async (t) => {
  const halfOf = (solid: number[][]) =>
    solid.map((pixel, place) => (place % 2 === 0 ? pixel : pixel.map(onWhite)))
  const inColours = farthest(await corners(halfTransparent.colour), halfOf(colours))
  t.ok(inColours <= 8, `off by ${inColours}`)
  const inGreys = farthest(await corners(halfTransparent.grey), halfOf(greys.map(three)))
  t.ok(inGreys <= 8, `grey: off by ${inGreys}`)
  await t.rejects(
    prepare(codestreams.greyAlpha),
    { code: 'corrupt_image' },
    'nobody knows what is beside grey',
  )
})

t.test('it is told as what it is, from bytes and from a data URL', async (t) => {
  const bytes = jp2(codestreams.rgb)
  for (const image of [bytes, `data:image/jp2;base64,${bytes.toString('base64')}`]) {
    t.match(await prepare(image), {
      mediaType: 'image/jpeg',
      source: { format: 'JPEG 2000', width: 64, height: 48, bytes: bytes.length, page: null },
      sent: { format: 'jpeg', width: 64, height: 48, unchanged: false },
    })
  }
})

t.test('of one that is sent much smaller only that much is decoded, and all of it is seen', async (t) => {
  for (const side of [32, 16, 12, 8, 3]) {
    const framing: Framing = { detail: 'low', tiling: { side, most: 4 }, pages: 1 }
    for (const image of [jp2(codestreams.rgb), codestreams.shifted]) {
      const off = farthest(await corners(image, framing), colours)
      t.ok(off <= (side > 10 ? 24 : 60), `within ${side}: off by ${off}`)
    }
  }
})

t.test('the header tells the size, where it lies, and how often it can be halved', (t) => {
  t.same(readJpeg2000Header(codestreams.rgb), {
    size: { width: 64, height: 48 },
    reach: { width: 64, height: 48 },
    components: 3,
    tiles: 1,
    halvings: 3,
    boxed: false,
  })
  t.match(readJpeg2000Header(codestreams.shifted), {
    size: { width: 64, height: 48 },
    reach: { width: 69, height: 51 },
    tiles: 6,
  })
  t.match(readJpeg2000Header(jp2(codestreams.greyAlpha)), { components: 2, boxed: true })
  // A box whose length takes eight bytes, and one that goes up to the end.
  const boxes = jp2(codestreams.rgb)
  const at = boxes.indexOf('jp2c') - 4
  const long = Buffer.concat([
    boxes.subarray(0, at),
    Buffer.from('00000001786d6c20000000000000001a', 'hex'),
    Buffer.alloc(10),
  ])
  const toTheEnd = Buffer.concat([long, Buffer.alloc(4), boxes.subarray(at + 4)])
  t.match(readJpeg2000Header(toTheEnd), { size: { width: 64 } })
  for (const broken of [Buffer.alloc(0), boxes.subarray(0, at), codestreams.rgb.subarray(0, 41), long])
    t.throws(() => readJpeg2000Header(broken), { code: 'corrupt_image' })
  t.end()
})

t.test('what is beyond the limits is refused before anything is decoded', async (t) => {
  const vast = codestreamClaiming(60_000, 60_000)
  for (const image of [vast, jp2(vast)]) {
    await t.rejects(prepare(image), {
      code: 'image_too_large',
      facts: { width: 60_000, height: 60_000, limit: 50_000_000 },
    })
  }
  await t.rejects(prepare(codestreamClaiming(2 ** 31 - 1, 2 ** 31 - 1)), { code: 'image_too_large' })
  await t.rejects(prepare(codestreamClaiming(10, 2000)), { code: 'image_too_narrow' })
  await t.rejects(prepare(codestreamClaiming(0, 10)), { code: 'corrupt_image' })
  for (const components of [5, 16_384])
    await t.rejects(prepare(codestreamClaiming(64, 48, { components })), { code: 'image_too_costly' })
})

t.test('tiles without number are refused before they are set up', async (t) => {
  for (const [width, height, side] of [
    [7000, 7000, 1],
    [7000, 7000, 28],
    [6500, 6500, 100],
  ] as const) {
    const image = codestreamClaiming(width, height, { tile: { width: side, height: side } })
    const refused = { code: 'image_too_costly', facts: { format: 'JPEG 2000' } }
    await t.rejects(prepare(image), refused, `${width}x${height} of ${side}`)
  }
  const none = codestreamClaiming(64, 48, { tile: { width: 0, height: 0 } })
  await t.rejects(prepare(none), { code: 'corrupt_image' })
})
