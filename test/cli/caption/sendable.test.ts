import sharp from 'sharp'
import t from 'tap'
import { sendable } from '../../../src/cli/caption/sendable.ts'

const noise = (width: number, height: number, orientation?: number) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: 'red',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  })
    .withMetadata(orientation === undefined ? {} : { orientation })
    .jpeg()
    .toBuffer()

t.test('a large photo is scaled to what models can see, upright', async (t) => {
  const photo = await noise(4000, 3000, 6)
  const { bytes, scaledFrom } = await sendable(photo)
  t.same(scaledFrom, { width: 3000, height: 4000 })
  const { width, height, orientation = 1 } = await sharp(bytes).metadata()
  t.equal(orientation, 1)
  t.ok(width * height <= 4_194_304 && width * height > 4_000_000, `${width}x${height}`)
  t.ok(height > width)
  t.ok(bytes.length < photo.length)
})

t.test('what is small, or nothing to be read here, is sent as it is', async (t) => {
  const small = await noise(200, 100)
  const broken = (await noise(4000, 3000)).fill(0, 5000, 1_000_000)
  const text = Buffer.alloc(2 * 1024 ** 2, 'a')
  const document = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(2 * 1024 ** 2)])
  for (const bytes of [small, broken, text, document])
    t.same(await sendable(bytes), { bytes, scaledFrom: undefined })
})
