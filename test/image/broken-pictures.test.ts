/** Pictures that only a process of their own decodes, cut off or changed: each ends in a picture or in words of ours. */
import t from 'tap'
import { Failure } from '../../src/errors.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { seeded } from '../fuzz/mutate.ts'
import * as bmps from '../support/bmp.ts'
import * as jpeg2000s from '../support/jpeg2000.ts'

t.setTimeout(600_000)

const prepare = createImagePreparer({
  maxPixels: 1_000_000,
  availableBytes: async () => Number.POSITIVE_INFINITY,
  fetchImage: undefined,
})

async function outcome(image: Buffer): Promise<string> {
  try {
    const signal = new AbortController().signal
    const pictures = await prepare(
      { image, field: 'image' },
      { detail: 'auto', tiling: undefined, pages: 1 },
      signal,
    )
    return `${pictures.length} picture`
  } catch (error) {
    return error instanceof Failure ? error.code : String(error)
  }
}

const random = seeded(17)

/** Up to three bytes of it are others. */
function changed(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  for (let change = 0; change <= 2 * random(); change += 1)
    copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
  return copy
}

const seeds = {
  BMP: { of: Object.values(bmps.inColour), changes: 10 },
  'JPEG 2000': {
    of: [...Object.values(jpeg2000s.inColour), ...Object.values(jpeg2000s.halfTransparent)],
    changes: 8,
  },
}

for (const [format, { of, changes }] of Object.entries(seeds)) {
  t.test(`a ${format} that is cut off is corrupt`, async (t) => {
    for (const whole of of) {
      const length = Math.floor(20 + random() * (whole.length - 24))
      t.equal(await outcome(whole.subarray(0, length)), 'corrupt_image', `${length} of ${whole.length} bytes`)
    }
  })

  t.test(`a ${format} with bytes changed is a picture or refused`, async (t) => {
    const ends = new Map<string, number>()
    for (let change = 0; change < changes; change += 1) {
      const image = changed(of[change % of.length] ?? Buffer.alloc(0))
      const end = await outcome(image)
      ends.set(end, (ends.get(end) ?? 0) + 1)
      const known = /^(1 picture|corrupt_image|image_too_\w+|not_an_image|unsupported_image_format)$/.test(
        end,
      )
      t.ok(known, `${end}: ${image.toString('base64')}`)
    }
    t.ok((ends.get('1 picture') ?? 0) > 0 && (ends.get('corrupt_image') ?? 0) > 0, 'some are either')
  })
}
