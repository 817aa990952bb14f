/** Which pictures are decoded in the service: as many as may be, and none that would take much of its memory. */
import type { Metadata } from 'sharp'
import t from 'tap'
import type { ReadHere } from '../../src/image/decode.ts'
import { mostHereBytes, neededBytes } from '../../src/image/memory.ts'
import { planOf } from '../../src/image/picture.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { blackPng } from '../support/bombs/png.ts'
import { decodersDuring } from '../support/children.ts'
import { noise, twoColours } from '../support/images.ts'

const framing = { detail: 'auto', tiling: undefined, pages: 1 } as const

function staysHere(format: ReadHere, megapixels: number, its: Partial<Metadata> = {}): boolean {
  const side = Math.round(Math.sqrt(megapixels * 1e6))
  const size = { width: side, height: side }
  const plain = {
    ...size,
    autoOrient: size,
    channels: 3,
    depth: 'uchar',
    space: 'srgb',
    chromaSubsampling: '4:2:0',
  }
  const header = { format: format.toLowerCase(), ...plain, ...its } as Metadata
  return neededBytes(format, header, planOf(format, header, framing)) <= mostHereBytes
}

t.test('what goes row by row stays, whatever its size', async (t) => {
  t.ok(staysHere('JPEG', 50))
  t.ok(staysHere('JPEG', 50, { orientation: 6 }), 'turned when it is small')
  t.ok(staysHere('JPEG', 50, { channels: 4, space: 'cmyk', chromaSubsampling: '4:4:4' }))
  t.ok(staysHere('PNG', 50))
})

t.test('what has to be there as a whole stays while that is little', async (t) => {
  const progressive = { isProgressive: true }
  t.ok(staysHere('JPEG', 8, progressive))
  t.notOk(staysHere('JPEG', 8, { ...progressive, chromaSubsampling: '4:4:4' }))
  t.notOk(staysHere('JPEG', 50, progressive))
  t.ok(staysHere('PNG', 2, progressive))
  t.notOk(staysHere('PNG', 12, progressive))
  t.notOk(staysHere('PNG', 50, { channels: 4, depth: 'ushort' }))
  t.ok(staysHere('WebP', 4))
  t.notOk(staysHere('WebP', 12))
})

t.test('the ordinary ones do not wait for a process', async (t) => {
  const prepareAll = createImagePreparer({
    maxPixels: 50_000_000,
    availableBytes: async () => Number.POSITIVE_INFINITY,
    fetchImage: undefined,
  })
  const prepare = (image: Buffer) =>
    prepareAll({ image, field: 'image' }, framing, new AbortController().signal)
  const ordinary = [
    await noise(4000, 3000).jpeg().toBuffer(),
    blackPng(4000, 3000),
    await twoColours().webp().toBuffer(),
    await twoColours(1000, 1000).jpeg({ progressive: true }).toBuffer(),
  ]
  for (const bytes of ordinary) t.equal((await decodersDuring(prepare(bytes))).most, 0)
  t.equal((await decodersDuring(prepare(blackPng(4000, 4000, { interlaced: true })))).most, 1)
})
