import t from 'tap'
import type { EngineProperties } from '../../src/engine/client.ts'
import { provesItSees } from '../../src/engine/vision-check.ts'
import type { ChatBody, ChatEvent } from '../../src/engine/wire.ts'
import { redSquare } from '../../src/red-square.ts'
import { someModel } from '../support/model-facts.ts'

const seeing: EngineProperties = { modalities: { vision: true }, model_alias: 'tiny.gguf' }
const limitBytes = 2 * 1024 ** 3

async function check({
  properties = seeing,
  setting = 'auto',
  weightBytes = limitBytes - 1000,
  fault,
}: {
  properties?: EngineProperties | Error
  setting?: 'auto' | 'on' | 'off'
  weightBytes?: number
  fault?: Error
} = {}) {
  const asked: ChatBody[] = []
  let heard = 0
  const engine = {
    properties: async () => {
      if (properties instanceof Error) throw properties
      return properties
    },
    async *chat(body: ChatBody): AsyncGenerator<ChatEvent> {
      asked.push(body)
      yield { type: 'text', text: 'red' }
      if (fault) throw fault
      heard += 1
    },
  }
  const model = someModel({ weightBytes, mmprojBytes: 1000 })
  return { blindness: await provesItSees(engine, setting, 'tiny.gguf', model), asked, heard }
}

t.test('an engine with its projector, its model and an answer about a picture sees', async (t) => {
  const { blindness, asked, heard } = await check()
  t.equal(blindness, undefined)
  t.equal(heard, 1, 'its answer was heard to the end')
  t.match(asked, [{ max_tokens: 1, temperature: 0, messages: [{ role: 'user' }] }])
  const [picture, words] = asked[0]?.messages[0]?.content ?? []
  t.strictSame(picture, { type: 'image_url', image_url: { url: `data:image/png;base64,${redSquare}` } })
  t.match(words, { type: 'text' })
})

t.test('a large model is asked about a picture only when told so', async (t) => {
  const asks = async (setting: 'auto' | 'on' | 'off', weightBytes: number) =>
    (await check({ setting, weightBytes })).asked.length === 1
  t.equal(await asks('auto', limitBytes - 1000), true)
  t.equal(await asks('auto', limitBytes - 999), false)
  t.equal(await asks('on', limitBytes), true)
  t.equal(await asks('off', 0), false)
})

t.test('what no restart mends is final, the rest is not', async (t) => {
  const cases: [Parameters<typeof check>[0], object][] = [
    [{ properties: new Error('no word') }, { sentence: /did not tell .*\(no word\)/, final: false }],
    [{ properties: {} }, { sentence: /without its vision projector/, final: true }],
    [{ properties: { modalities: {} } }, { sentence: /without its vision projector/, final: true }],
    [
      { properties: { ...seeing, model_alias: 'other.gguf' } },
      { sentence: /serves other\.gguf instead of tiny\.gguf/, final: true },
    ],
    [{ fault: new Error('no picture') }, { sentence: /first small picture \(no picture\)/, final: false }],
  ]
  for (const [options, expected] of cases) t.match((await check(options)).blindness, expected)
})
