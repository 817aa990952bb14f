import t from 'tap'
import type { Framing } from '../../src/image/encode.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { bmpClaiming, inColour, transparent, twoTones } from '../support/bmp.ts'
import { pixelAt } from '../support/images.ts'

// Each picture has a process.
t.setTimeout(300_000)

const framing: Framing = { detail: 'auto', tiling: undefined, pages: 1 }
const prepareAll = createImagePreparer({
  maxPixels: 50_000_000,
  availableBytes: async () => Number.POSITIVE_INFINITY,
  fetchImage: undefined,
})
const never = new AbortController().signal

async function prepare(image: Buffer | string) {
  const [prepared] = await prepareAll({ image, field: 'image' }, framing, never)
  if (!prepared) throw new Error('no picture')
  return prepared
}

const corners = async (image: Buffer | string) => {
  const { bytes } = await prepare(image)
  const places = [
    [0, 0],
    [5, 0],
    [0, 3],
    [5, 3],
  ] as const
  return Promise.all(places.map(([left, top]) => pixelAt(bytes, left, top)))
}

t.test('its colours are seen, in whatever way they are held', async (t) => {
  const seen = [
    [208, 32, 32],
    [32, 176, 32],
    [32, 32, 208],
    [224, 224, 32],
  ]
  for (const [name, image] of Object.entries(inColour)) t.same(await corners(image), seen, name)
  const [black, white] = await corners(twoTones)
  t.same(
    [black, white],
    [
      [0, 0, 0],
      [255, 255, 255],
    ],
    'two tones',
  )
  const [red = []] = await corners(transparent)
  t.ok(Math.abs((red[0] ?? 0) - 243) <= 1 && Math.abs((red[1] ?? 0) - 199) <= 1, `on white: ${red}`)
})

t.test('it is told as what it is, from bytes and from a data URL', async (t) => {
  const bytes = inColour['24 bits'] ?? Buffer.alloc(0)
  for (const image of [bytes, `data:image/bmp;base64,${bytes.toString('base64')}`]) {
    t.match(await prepare(image), {
      mediaType: 'image/png',
      source: { format: 'BMP', width: 6, height: 4, bytes: bytes.length, page: null },
      sent: { format: 'png', width: 6, height: 4, unchanged: false },
    })
  }
})

t.test('a size beyond the limits is refused before anything is decoded', async (t) => {
  for (const headerBytes of [12, 40, 124]) {
    await t.rejects(prepare(bmpClaiming(60_000, 60_000, headerBytes)), {
      code: 'image_too_large',
      facts: { width: 60_000, height: 60_000, limit: 50_000_000 },
    })
  }
  await t.rejects(prepare(bmpClaiming(2, 2000)), { code: 'image_too_narrow' })
  await t.rejects(prepare(bmpClaiming(7000, 7000)), { code: 'image_too_costly', facts: { format: 'BMP' } })
  for (const [width, height] of [
    [0, 5],
    [5, 0],
    [-5, 5],
  ] as const)
    await t.rejects(prepare(bmpClaiming(width, height)), { code: 'corrupt_image' })
})

t.test('a text that begins like one is none', async (t) => {
  for (const text of ['BM', 'BMW is a maker of cars and of motorcycles', `BM${'\0'.repeat(60)}`])
    await t.rejects(prepare(Buffer.from(text)), { code: 'not_an_image' })
})
