import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'
import type { Framing } from '../../src/image/encode.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import type { Format } from '../../src/image/recognise.ts'
import { transparent } from '../support/bmp.ts'
import { heic, heicHeader, pdf, pixelAt } from '../support/images.ts'
import { codestreams } from '../support/jpeg2000.ts'

const maxPixels = 50_000_000
const whole: Framing = { detail: 'auto', tiling: undefined, pages: 1 }
const never = new AbortController().signal
const availableBytes = async () => Number.POSITIVE_INFINITY
const prepareAll = createImagePreparer({ maxPixels, availableBytes, fetchImage: undefined })

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
  // Without pages, or with none that can be found.
  const lost = Buffer.from(pdf(2).toString('latin1').replace('/Pages 2', '?Pages 2'), 'latin1')
  for (const without of [pdf(0), lost])
    await t.rejects(prepare(without), { code: 'no_pages', facts: { field: 'image' } })
  const small = createImagePreparer({ maxPixels: 1000, availableBytes, fetchImage: undefined })
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
  // The built modules, where of all packages those that are optional can't be found.
  const away = mkdtempSync(join(tmpdir(), 'bare-'))
  t.teardown(() => rmSync(away, { recursive: true }))
  cpSync(join(packageRoot, 'dist'), join(away, 'dist'), { recursive: true })
  writeFileSync(join(away, 'package.json'), '{"type":"module"}')
  mkdirSync(join(away, 'node_modules'))
  for (const name of ['sharp', '@sinclair']) {
    symlinkSync(join(packageRoot, 'node_modules', name), join(away, 'node_modules', name))
  }
  const { decodeInProcess } = (await import(
    join(away, 'dist/image/decoder.js')
  )) as typeof import('../../src/image/decoder.ts')
  const decode = (format: Format, bytes: Buffer) =>
    decodeInProcess({ format, maxPixels, framing: whole }, bytes, never)
  await t.rejects(decode('HEIC', heic), {
    code: 'decoder_missing',
    status: 415,
    message:
      'HEIC needs the optional package heic-decode, which is not installed here; send a JPEG or PNG instead',
  })
  for (const [format, bytes, name] of [
    ['PDF', pdf(1), '@hyzyla/pdfium'],
    ['BMP', transparent, '@cwasm/nsbmp'],
    ['JPEG 2000', codestreams.rgb, '@imagemagick/magick-wasm'],
  ] as const) {
    await t.rejects(decode(format, bytes), { code: 'decoder_missing', facts: { package: name } })
  }
})
