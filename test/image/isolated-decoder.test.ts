import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'
import { createImagePreparer, type Framing } from '../../src/image/prepare.ts'
import { heic, heicHeader, pdf, pixelAt } from '../support/images.ts'

const maxPixels = 50_000_000
const whole: Framing = { detail: 'auto', tiling: undefined, pages: 1 }
const never = new AbortController().signal
const prepareAll = createImagePreparer({ maxPixels, fetchImage: undefined })

async function prepare(image: Buffer) {
  const [prepared] = await prepareAll({ image, field: 'image' }, whole, never)
  if (!prepared) throw new Error('no picture')
  return prepared
}

t.test('a HEIC photo and the pages of a PDF are pictures like any other', async (t) => {
  const photo = await prepare(heic)
  t.match(photo, {
    mediaType: 'image/jpeg',
    source: { format: 'HEIC', width: 64, height: 48, bytes: heic.length, page: null },
    sent: { format: 'jpeg', width: 64, height: 48, unchanged: false },
  })
  const [red = 0, , blue = 0] = await pixelAt(photo.bytes, 8, 24)
  t.ok(red > 180 && blue < 60)
  const pages = await prepareAll({ image: pdf(3), field: 'image' }, { ...whole, pages: 2 }, never)
  t.match(pages, [
    { mediaType: 'image/png', source: { format: 'PDF', page: 1 }, sent: { width: 208, height: 416 } },
    { source: { page: 2 } },
  ])
  t.equal(pages.length, 2)
  const [first] = pages
  t.same(await pixelAt(first?.bytes ?? Buffer.alloc(0), 104, 312), [255, 0, 0], 'a red square below')
  t.same(await pixelAt(first?.bytes ?? Buffer.alloc(0), 104, 104), [255, 255, 255], 'on white paper')
})

t.test('broken, huge or unwanted ones of them are refused, too', async (t) => {
  await t.rejects(prepare(heicHeader), { code: 'corrupt_image', facts: { format: 'HEIC' } })
  await t.rejects(prepare(pdf(1).subarray(0, 100)), { code: 'corrupt_image', facts: { format: 'PDF' } })
  const small = createImagePreparer({ maxPixels: 1000, fetchImage: undefined })
  await t.rejects(small({ image: heic, field: 'image' }, whole, never), {
    code: 'image_too_large',
    facts: { width: 64, height: 48, limit: 1000 },
  })
  const gone = AbortSignal.abort(new Error('gone'))
  await t.rejects(prepareAll({ image: heic, field: 'image' }, whole, gone), /gone/)
  const soon = new AbortController()
  setTimeout(() => soon.abort(new Error('gone')), 20)
  await t.rejects(prepareAll({ image: pdf(1), field: 'image' }, whole, soon.signal), /gone/)
})

t.test('what is missing for them is named', async (t) => {
  // The module alone, where no packages can be found.
  const place = t.testdir({ image: {} })
  const built = join(packageRoot, 'dist')
  for (const file of ['image/isolated-decoder.js', 'errors.js']) cpSync(join(built, file), join(place, file))
  writeFileSync(join(place, 'package.json'), '{"type":"module"}')
  const away = join(mkdtempSync(join(tmpdir(), 'bare-')), 'bare')
  cpSync(place, away, { recursive: true })
  t.teardown(() => rmSync(dirname(away), { recursive: true }))
  const { decodeIsolated } = (await import(
    join(away, 'image/isolated-decoder.js')
  )) as typeof import('../../src/image/isolated-decoder.ts')
  const decode = (format: 'HEIC' | 'PDF', bytes: Buffer) =>
    decodeIsolated(format, bytes, { maxPixels, pages: 1 }, never)
  await t.rejects(decode('HEIC', heic), {
    code: 'decoder_missing',
    status: 415,
    message:
      'HEIC needs the optional package heic-decode, which is not installed here; send a JPEG or PNG instead',
  })
  await t.rejects(decode('PDF', pdf(1)), { code: 'decoder_missing', facts: { package: '@hyzyla/pdfium' } })
})
