/** A picture may have taken its decoder over: whatever comes back, the service gets a bounded picture or a failure. */
import fc from 'fast-check'
import t from 'tap'
import { picturesIn, refused, spoken, spokenPicture, type Task } from '../../src/image/decoder-reply.ts'
import { type Picture, uprightPlan } from '../../src/image/picture.ts'
import { blackPng, textBomb } from '../support/bombs/png.ts'
import { twoColours } from '../support/images.ts'

const framing = { detail: 'auto', tiling: undefined, pages: 2 } as const
const heic: Task = { format: 'HEIC', maxPixels: 1_000_000, framing }
const pdf: Task = { ...heic, format: 'PDF' }
const received = Buffer.from('what was sent')
const done = spoken({ type: 'done' })
const corrupt = { code: 'corrupt_image' }

const shown = (bytes: Buffer, format: 'jpeg' | 'png' = 'png', page: number | null = null): Picture => ({
  plan: uprightPlan({ width: 40, height: 20, page }, framing),
  sent: { bytes, format, width: 40, height: 20 },
})
const reply = (...pictures: Picture[]) => Buffer.concat([...pictures.map(spokenPicture), done])
const read = (bytes: Buffer, task = heic) => picturesIn(bytes, task, received)

t.test('what a decoder makes of a picture is read as it was said', async (t) => {
  const png = await twoColours().png().toBuffer()
  const jpeg = await twoColours().jpeg().toBuffer()
  t.same(await read(reply(shown(png))), [shown(png)])
  t.same(await read(reply(shown(jpeg, 'jpeg'))), [shown(jpeg, 'jpeg')])
  const pages = [shown(png, 'png', 1), shown(jpeg, 'jpeg', 2)]
  t.same(await read(reply(...pages), pdf), pages)
  await t.rejects(read(done, pdf), { code: 'no_pages' })
  await t.rejects(read(done), corrupt)
  const plan = { ...shown(png).plan, unchanged: true }
  const asked: Task = { ...heic, format: 'PNG', plan }
  const unchanged = { plan, sent: { ...shown(received).sent } }
  t.same(await read(reply(unchanged), asked), [unchanged], 'the bytes are those that were sent')
})

t.test('a reply that ends too early is none', async (t) => {
  const whole = reply(shown(await twoColours().png().toBuffer()))
  for (const bytes of [0, 3, 20, 200, whole.length - 1])
    t.equal(await read(whole.subarray(0, bytes)), undefined)
  const long = Buffer.concat([Buffer.from([0, 0, 8, 0]), Buffer.alloc(4096, ' ')])
  t.equal(await read(long), undefined, 'nor is one without end')
})

t.test('failures are told with our own numbers', async (t) => {
  await t.rejects(read(refused('image_too_costly', 'out of memory')), {
    code: 'image_too_costly',
    facts: { format: 'HEIC' },
  })
  await t.rejects(read(refused('corrupt_image', 'x'.repeat(1000))), corrupt)
  await t.rejects(read(refused('decoder_missing', 'no')), {
    code: 'decoder_missing',
    facts: { package: 'heic-decode' },
  })
  await t.rejects(read(refused('image_too_large', '', { width: 2000, height: 1000 })), {
    code: 'image_too_large',
    facts: { actual: 2_000_000, limit: 1_000_000 },
  })
  await t.rejects(read(refused('image_too_large', '', { width: 20, height: 10 })), corrupt, 'it is not')
  const invented = Buffer.from(String(refused('corrupt_image', '')).replace('corrupt_image', 'queue_timeout'))
  t.equal(await read(invented), undefined, 'no failures but those of pictures')
})

t.test('nothing passes that is not the picture that was asked for', async (t) => {
  const png = await twoColours().png().toBuffer()
  const right = shown(png)
  const wrong: [string, Buffer, Task?][] = [
    ['two for one', reply(right, right)],
    ['a page of a photo', reply(shown(png, 'png', 1))],
    ['pages out of order', reply(shown(png, 'png', 2)), pdf],
    ['three pages of two', reply(...[1, 2, 3].map((page) => shown(png, 'png', page))), pdf],
    ['the bytes that were sent', reply({ ...right, plan: { ...right.plan, unchanged: true } })],
    ['a larger one', reply(shown(await twoColours(80, 20).png().toBuffer()))],
    ['another format', reply(shown(png, 'jpeg'))],
    ['no picture', reply(shown(Buffer.from('<svg/>')))],
    ['texts to unpack', reply(shown(textBomb('zTXt', 2)))],
    ['an interlaced one', reply(shown(blackPng(40, 20, { interlaced: true })))],
    ['16 bits', reply(shown(await twoColours().toColourspace('rgb16').png().toBuffer()))],
    [
      'a size that does not follow',
      reply({ ...right, plan: { ...right.plan, source: { ...right.plan.source, width: 80 } } }),
    ],
    ['another plan', reply(right), { ...heic, format: 'WebP', plan: { ...right.plan, rotation: 90 } }],
  ]
  for (const [name, bytes, task] of wrong) await t.rejects(read(bytes, task), corrupt, name)
  const vast = { ...right, plan: uprightPlan({ width: 4000, height: 4000, page: null }, framing) }
  await t.rejects(read(reply(vast)), { code: 'image_too_large' })
})

t.test('whatever the bytes, they do no harm', async () => {
  const whole = reply(shown(await twoColours().png().toBuffer()))
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.uint8Array({ maxLength: 40 }), async (at, bytes) => {
      const changed = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + bytes.length)])
      const pictures = await read(changed).catch((error: { code?: string }) => {
        if (!['corrupt_image', 'image_too_large', 'image_too_narrow'].includes(error.code ?? '')) throw error
      })
      return !pictures || pictures.every(({ sent }) => sent.width === 40 && sent.height === 20)
    }),
  )
})
