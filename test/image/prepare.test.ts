import sharp from 'sharp'
import t from 'tap'
import { failure } from '../../src/errors.ts'
import type { Framing } from '../../src/image/encode.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { pngClaiming } from '../support/bombs/png.ts'
import { heicHeader, jpeg, noise, pixelAt, png, twoColours } from '../support/images.ts'

const maxPixels = 50_000_000
const whole: Framing = { detail: 'auto', tiling: undefined, pages: 1 }
const never = new AbortController().signal
const availableBytes = async () => Number.POSITIVE_INFINITY
const prepareAll = createImagePreparer({ maxPixels, availableBytes, fetchImage: undefined })

async function prepare(image: Buffer | string, framing: Partial<Framing> = {}) {
  const [prepared] = await prepareAll({ image, field: 'images/3' }, { ...whole, ...framing }, never)
  if (!prepared) throw new Error('no picture')
  return prepared
}
const isRed = ([red = 0, green = 0, blue = 0]: number[]) => red > 150 && green < 90 && blue < 90

t.test('a picture that needs nothing is passed on byte for byte', async (t) => {
  for (const [format, bytes] of [
    ['JPEG', await jpeg()],
    ['PNG', await png()],
    ['PNG', await twoColours().grayscale().png().toBuffer()],
    ['JPEG', await twoColours().jpeg({ progressive: true }).toBuffer()],
  ] as const) {
    const prepared = await prepare(bytes)
    t.equal(prepared.bytes, bytes)
    t.match(prepared, {
      mediaType: `image/${format.toLowerCase()}`,
      source: { format, width: 40, height: 20, bytes: bytes.length },
      rotation: 0,
      mirrored: false,
      sent: { unchanged: true, width: 40, height: 20, bytes: bytes.length },
    })
  }
})

t.test('every accepted format becomes something the engine reads, with its colours', async (t) => {
  const formats = {
    WebP: await twoColours().webp({ quality: 90 }).toBuffer(),
    GIF: await twoColours().gif().toBuffer(),
    TIFF: await twoColours().tiff().toBuffer(),
    AVIF: await twoColours().avif({ quality: 80 }).toBuffer(),
  }
  for (const [format, bytes] of Object.entries(formats)) {
    const prepared = await prepare(bytes)
    t.match(prepared, {
      mediaType: 'image/png',
      source: { format },
      sent: { unchanged: false, width: 40, height: 20 },
    })
    t.ok(isRed(await pixelAt(prepared.bytes, 5, 10)), `${format} is red on the left`)
  }
})

t.test('all eight EXIF orientations are turned upright, and the turn is told', async (t) => {
  const turns = [
    [1, 0, false],
    [2, 0, true],
    [3, 180, false],
    [4, 180, true],
    [5, 90, true],
    [6, 90, false],
    [7, 270, true],
    [8, 270, false],
  ] as const
  for (const [orientation, rotation, mirrored] of turns) {
    const stored = await storedWithOrientation(orientation)
    const prepared = await prepare(stored)
    t.match(prepared, { rotation, mirrored, sent: { width: 40, height: 20 } }, `orientation ${orientation}`)
    t.ok(isRed(await pixelAt(prepared.bytes, 3, 3)), `orientation ${orientation} shows red top left`)
    t.notOk(isRed(await pixelAt(prepared.bytes, 36, 3)), `orientation ${orientation} shows no red top right`)
  }
})

/** The upright picture as a camera would store it that marks it with `orientation`. */
async function storedWithOrientation(orientation: number): Promise<Buffer> {
  // Marking the upright picture and letting sharp turn it gives T(picture); the inverse marks are 6 for 8 and 8 for 6.
  const inverse = orientation === 6 ? 8 : orientation === 8 ? 6 : orientation
  const marked = await twoColours().withMetadata({ orientation: inverse }).png().toBuffer()
  const turned = await sharp(marked).autoOrient().toBuffer()
  return sharp(turned).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer()
}

t.test('transparency is shown on white', async (t) => {
  const bytes = await sharp({ create: { width: 10, height: 10, channels: 4, background: '#00000000' } })
    .png()
    .toBuffer()
  const prepared = await prepare(bytes)
  t.strictSame(await pixelAt(prepared.bytes, 5, 5), [255, 255, 255])
})

t.test('16 bits, CMYK and colour profiles become 8-bit sRGB', async (t) => {
  const deep = await twoColours().toColourspace('rgb16').png().toBuffer()
  const cmyk = await twoColours().toColourspace('cmyk').jpeg().toBuffer()
  const profiled = await twoColours().withIccProfile('p3').png().toBuffer()
  for (const bytes of [deep, cmyk, profiled]) {
    const prepared = await prepare(bytes)
    t.equal(prepared.sent.unchanged, false)
    t.match(await sharp(prepared.bytes).metadata(), {
      depth: 'uchar',
      space: 'srgb',
      channels: 3,
      hasProfile: false,
    })
    t.ok(isRed(await pixelAt(prepared.bytes, 5, 10)))
  }
})

t.test('the first frame of an animation is shown', async (t) => {
  const frames = await Promise.all(
    ['#d02020', '#2020d0'].map((background) =>
      sharp({ create: { width: 8, height: 8, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const animated = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer()
  const prepared = await prepare(animated)
  t.match(prepared.sent, { width: 8, height: 8 })
  t.ok(isRed(await pixelAt(prepared.bytes, 4, 4)))
})

t.test('what is larger than any model looks at is made smaller, and said so', async (t) => {
  const prepared = await prepare(await noise(3000, 2000).jpeg().toBuffer())
  t.match(prepared.source, { width: 3000, height: 2000 })
  t.ok(prepared.sent.width * prepared.sent.height <= 4_194_304)
  t.ok(Math.abs(prepared.sent.width / prepared.sent.height - 1.5) < 0.01, 'same shape')
  t.equal(prepared.mediaType, 'image/jpeg')
})

t.test('the same input gives the same bytes', async (t) => {
  const bytes = await twoColours(300, 200).webp().toBuffer()
  const [first, second] = [await prepare(bytes), await prepare(bytes)]
  t.ok(first.bytes.equals(second.bytes))
})

t.test('formats that are not accepted are named', async (t) => {
  const svg = Buffer.from(
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
  )
  const faults: [Buffer, RegExp][] = [
    [
      Buffer.from('8BPS\0\x01\0\0\0\0\0\0', 'latin1'),
      /^PSD is not supported; send JPEG, PNG, WebP, GIF, TIFF, AVIF, HEIC, BMP, JPEG 2000, PDF$/,
    ],
    [svg, /^SVG is not supported/],
  ]
  for (const [bytes, message] of faults) {
    await t.rejects(prepare(bytes), { code: 'unsupported_image_format', status: 400, message })
  }
  for (const bytes of [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(1000)]) {
    await t.rejects(prepare(bytes), { code: 'not_an_image', status: 400 })
  }
})

t.test('corrupt and cut-off pictures are refused, whatever the format', async (t) => {
  const whole = {
    JPEG: await noise(200, 200).jpeg().toBuffer(),
    PNG: await noise(200, 200).png().toBuffer(),
    WebP: await noise(200, 200).webp().toBuffer(),
    GIF: await noise(200, 200).gif().toBuffer(),
    TIFF: await noise(200, 200).tiff({ compression: 'lzw' }).toBuffer(),
  }
  for (const [format, bytes] of Object.entries(whole)) {
    const cut = bytes.subarray(0, Math.floor(bytes.length / 2))
    await t.rejects(
      prepare(cut),
      { code: 'corrupt_image', message: new RegExp(`^The ${format} picture`) },
      `${format} cut`,
    )
  }
  const garbled = Buffer.from(whole.PNG)
  garbled.fill(0x55, 300, 2000)
  await t.rejects(prepare(garbled), { code: 'corrupt_image' }, 'PNG garbled')
})

t.test('size is checked before anything is decoded', async (t) => {
  await t.rejects(prepare(pngClaiming(10_000, 5001)), {
    code: 'image_too_large',
    status: 413,
    facts: { actual: 50_010_000, limit: 50_000_000 },
  })
  await t.rejects(prepare(pngClaiming(65_535, 65_535)), { code: 'image_too_large', status: 413 })
  await t.rejects(prepare(await twoColours(1, 20_000).png().toBuffer()), {
    code: 'image_too_narrow',
    status: 400,
    message: /1x20000.*at most 100 times/,
  })
})

t.test('for a model with tiles the picture is scaled down to as many as the detail asks for', async (t) => {
  const tiling = { side: 560, most: 4 }
  const photo = await twoColours(1600, 1200).jpeg({ quality: 80 }).toBuffer()
  const low = await prepare(photo, { detail: 'low', tiling })
  t.match(low, { tiles: 1, sent: { format: 'jpeg', width: 560, height: 420, unchanged: false } })
  t.ok(isRed(await pixelAt(low.bytes, 5, 10)), 'red on the left')
  t.match(await prepare(photo, { detail: 'auto', tiling }), { tiles: 4, sent: { width: 1120, height: 840 } })
  t.match(await prepare(photo, { detail: 'high', tiling }), { tiles: 4, sent: { unchanged: true } })
  t.match(await prepare(photo, { detail: 'low', tiling: undefined }), {
    tiles: undefined,
    sent: { unchanged: true },
  })
})

t.test('the tiles are those of the picture turned upright', async (t) => {
  const lying = await storedWithOrientation(6)
  const { tiles, sent } = await prepare(lying, { detail: 'low', tiling: { side: 20, most: 4 } })
  t.match({ tiles, sent }, { tiles: 1, sent: { width: 20, height: 10 } })
})

t.test('every failure names the field in which the picture was sent', async (t) => {
  const faulty: [string | Buffer, string][] = [
    ['AAAA!!!!', 'invalid_base64'],
    ['https://example.org/a.png', 'image_is_url'],
    [Buffer.from('a text'), 'not_an_image'],
    [await twoColours(1, 20_000).png().toBuffer(), 'image_too_narrow'],
    [(await png()).subarray(0, 60), 'corrupt_image'],
    [heicHeader, 'corrupt_image'],
  ]
  for (const [image, code] of faulty) await t.rejects(prepare(image), { code, facts: { field: 'images/3' } })
  await t.rejects(prepare('AAAA!!!!'), { message: /^Field images\/3 is not valid base64/ })
  const refused = failure('client_gone')
  const away = AbortSignal.abort(refused)
  await t.rejects(prepareAll({ image: await png(), field: 'image' }, whole, away), refused)
})
