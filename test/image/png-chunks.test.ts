import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import t from 'tap'
import { withoutExtras } from '../../src/image/png-chunks.ts'
import { createImagePreparer } from '../../src/image/prepare.ts'
import { blackPng, chunkBomb, pngChunk, profileBomb, textBomb } from '../support/bombs/png.ts'
import { png, twoColours } from '../support/images.ts'

const never = new AbortController().signal
const availableBytes = async () => Number.POSITIVE_INFINITY
const prepareAll = createImagePreparer({ maxPixels: 50_000_000, availableBytes, fetchImage: undefined })
const prepare = (image: Buffer) =>
  prepareAll({ image, field: 'image' }, { detail: 'auto', tiling: undefined, pages: 1 }, never)
/** Most memory that this process ever had, in MiB. */
const peakMib = () =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024

t.test('texts in a PNG are not unpacked, whatever their number', async (t) => {
  await prepare(blackPng(64, 64))
  const before = peakMib()
  for (const bomb of [textBomb('zTXt', 25), textBomb('iTXt', 25), profileBomb()]) {
    const [prepared] = await prepare(bomb)
    t.equal(prepared?.sent.unchanged, true)
    t.equal(prepared?.bytes, bomb, 'the engine gets what was sent')
  }
  t.ok(peakMib() - before < 150, 'unpacked and copied they would be 450 MB')
})

t.test('what does not show is left out, and nothing else', async (t) => {
  const plain = await png()
  t.equal(withoutExtras(plain), plain)
  const text = pngChunk('tEXt', Buffer.from('a\0b'))
  const afterHeader = 33
  const mixed = Buffer.concat([
    plain.subarray(0, afterHeader),
    text,
    text,
    plain.subarray(afterHeader, -12),
    text,
    plain.subarray(-12),
  ])
  t.ok(withoutExtras(mixed).equals(plain))
  const full = await twoColours()
    .withIccProfile('p3')
    .withExif({ IFD0: { Copyright: 'me' } })
    .png()
    .toBuffer()
  const { icc, exif } = await sharp(withoutExtras(full)).metadata()
  t.ok(icc && exif, 'profile and orientation are kept')
})

t.test('chunks without end, cut off or of lengths beyond the file are refused', async (t) => {
  await t.rejects(prepare(chunkBomb(300_000)), { code: 'corrupt_image', facts: { format: 'PNG' } })
  t.equal((await prepare(chunkBomb(50_000))).length, 1)
  const whole = await png()
  const lying = Buffer.from(whole)
  lying.writeUInt32BE(0xffffffff, 33)
  for (const bytes of [lying, whole.subarray(0, 8), whole.subarray(0, 40), whole.subarray(0, -20)]) {
    await t.rejects(prepare(bytes), { code: 'corrupt_image' })
  }
})
