/** Pictures of a few KB that ask for gigabytes: what they cost is a process that ends, and a sentence. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Framing } from '../../src/image/encode.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { avifGrid, heicGrid } from '../support/bombs/heif.ts'
import { nestedForms, vastPage } from '../support/bombs/pdf.ts'
import { blackPng } from '../support/bombs/png.ts'
import { decodersDuring } from '../support/children.ts'
import { jpeg, pdf } from '../support/images.ts'

// A dozen processes, on a machine that may be busy.
t.setTimeout(600_000)

const framing: Framing = { detail: 'auto', tiling: undefined, pages: 2 }
const never = new AbortController().signal
const preparer = (availableBytes = Number.POSITIVE_INFINITY) =>
  createImagePreparer({
    maxPixels: 50_000_000,
    availableBytes: async () => availableBytes,
    fetchImage: undefined,
  })
const prepareAll = preparer()
const prepare = (image: Buffer) => prepareAll({ image, field: 'image' }, framing, never)
/** Most memory that this process ever had, in MiB. */
const peakMib = () =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024

t.test('what takes too much memory ends its decoder alone, and says so', async (t) => {
  await prepare(await jpeg())
  const before = peakMib()
  const refused = t.rejects(prepare(nestedForms(40)), {
    code: 'image_too_costly',
    status: 413,
    message: /^The PDF picture takes more memory or time to decode than one may/,
    facts: { field: 'image' },
  })
  const seen = await decodersDuring(refused)
  t.ok(seen.peakMib > 100 && seen.peakMib < 512, `a decoder has ${seen.peakMib} MiB at most`)
  t.same([...seen.scores], ['1000'], 'it is the first that the kernel ends')
  t.ok(peakMib() - before < 30, 'the service hardly notices')
})

t.test('large pictures of few bytes are decoded elsewhere, within the same bounds', async (t) => {
  await prepare(await jpeg())
  const before = peakMib()
  const pictures = {
    AVIF: await avifGrid(8, 8),
    HEIC: heicGrid(15, 15),
    'interlaced PNG': blackPng(4000, 4000, { interlaced: true }),
    'PDF with a page of five metres': vastPage(14_400),
  }
  // Of all of this, only the PNG was made here.
  const making = peakMib() - before
  for (const [name, bytes] of Object.entries(pictures)) {
    const seen = await decodersDuring(prepare(bytes))
    t.equal(seen.most, 1, `${name} has a process of its own`)
    t.ok(seen.peakMib < 512, `${name}: ${seen.peakMib} MiB`)
  }
  t.ok(peakMib() - before - making < 60, 'of the service they take what is sent')
})

t.test('there are two decoders at once, and one where memory is short', async (t) => {
  for (const [available, most] of [
    [Number.POSITIVE_INFINITY, 2],
    [512 * 1024 ** 2, 1],
  ] as const) {
    const prepareHere = preparer(available)
    const all = Promise.all(
      Array.from({ length: 3 }, () => prepareHere({ image: pdf(1), field: 'image' }, framing, never)),
    )
    const seen = await decodersDuring(all)
    t.ok(seen.most >= 1 && seen.most <= most, `${seen.most} decoders with ${available} bytes`)
  }
})
