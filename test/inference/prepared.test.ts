/** Which pictures of a conversation a model with tiles is shown. */
import t from 'tap'
import type { PrepareImages } from '../../src/image/prepare.ts'
import { preparedQuestion } from '../../src/inference/prepared.ts'
import { defaults, type Message, type Part } from '../../src/inference/question.ts'
import { somePicture } from '../support/app.ts'

const tiling = { side: 560, most: 4 }
const text = (words: string): Part => ({ type: 'text', text: words, field: 'prompt' })
/** A picture that would have so many tiles. */
const picture = (name: string): Part => ({ type: 'image', image: name, field: name })
const user = (...parts: Part[]): Message => ({ role: 'user', parts })
const assistant: Message = { role: 'assistant', parts: [text('I see.')] }

/** Each picture wants the tiles that its name begins with, and has as many of them as it may. */
const prepareImages: PrepareImages = async ({ image }, { tileLimit = 99 }) => {
  const name = String(image)
  return [{ ...somePicture, tiles: Math.min(Number(name[0]), tileLimit), bytes: Buffer.from(name) }]
}

/** The pictures that are shown in each message, with their tiles. */
async function shown(messages: Message[], { room = 8, tiles = true } = {}) {
  const question = { messages, detail: 'auto' as const, pages: 1, sampling: defaults }
  const { signal } = new AbortController()
  const prepared = await preparedQuestion(question, {
    ...{
      prepareImages,
      maxImages: 20,
      tiling: tiles ? tiling : undefined,
      room,
      cost: undefined,
      share: () => 1000,
      signal,
      tell: () => {},
    },
  })
  return prepared.messages.map(({ parts }) =>
    parts
      .flatMap((part) => (part.type === 'image' ? part.images : []))
      .map(({ bytes, tiles }) => `${bytes}: ${tiles}`),
  )
}

t.test('pictures of one message share the room', async (t) => {
  t.same(await shown([user(picture('4a'), picture('4b'), text('What?'))]), [['4a: 4', '4b: 4']])
  t.same(await shown([user(picture('4a'), picture('1b'), picture('3c'))]), [['4a: 2', '1b: 1', '3c: 2']])
})

t.test(
  'pictures of earlier messages keep their tiles, the newest first, as far as there is room',
  async (t) => {
    const turns = (...names: string[]) =>
      names.flatMap((name) => [user(picture(name), text('What?')), assistant]).slice(0, -1)
    t.same(await shown(turns('4a', '4b')), [['4a: 4'], [], ['4b: 4']])
    t.same(await shown(turns('4a', '4b', '4c')), [[], [], ['4b: 4'], [], ['4c: 4']])
    t.same(await shown(turns('1a', '4b', '2c', '4d')), [[], [], [], [], ['2c: 2'], [], ['4d: 4']], 'no gaps')
    t.same(
      await shown([...turns('4a', '4b'), assistant, user(text('And?'))]),
      [['4a: 4'], [], ['4b: 4'], [], []],
      'a text has none of its own',
    )
    t.same(await shown(turns('4a', '4b', '4c'), { tiles: false }), [['4a: 4'], [], ['4b: 4'], [], ['4c: 4']])
  },
)

t.test('what the last question is about has to fit', async (t) => {
  const five = ['a', 'b', 'c', 'd', 'e'].map((name) => picture(`4${name}`))
  t.same(await shown([user(...five)], { room: 5 }), [['4a: 1', '4b: 1', '4c: 1', '4d: 1', '4e: 1']])
  await t.rejects(shown([user(...five)], { room: 4 }), {
    code: 'too_many_tiles',
    status: 400,
    facts: { actual: 5, limit: 4 },
  })
  t.same(await shown([user(...five), assistant, user(picture('1z'))], { room: 4 }), [[], [], ['1z: 1']])
})
