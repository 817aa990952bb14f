import t from 'tap'
import type { EngineProperties } from '../../src/engine/client.ts'
import { looksAtStart, provesItIsComplete, provesItSees } from '../../src/engine/vision-check.ts'
import type { ChatBody, Likelihood } from '../../src/engine/wire.ts'
import { blueSquare, redSquare } from '../../src/plain-squares.ts'
import { someModel } from '../support/model-facts.ts'

const seeing: EngineProperties = { modalities: { vision: true }, model_alias: 'tiny.gguf' }

t.test(
  'an engine is complete with its projector and its model; what no restart mends waits for the files',
  async (t) => {
    const look = (answer: EngineProperties | Error) =>
      provesItIsComplete(
        {
          properties: async () => {
            if (answer instanceof Error) throw answer
            return answer
          },
        },
        'tiny.gguf',
      )
    t.equal(await look(seeing), undefined)
    t.match(await look(new Error('no word')), { sentence: /did not tell .*\(no word\)/, retry: 'backoff' })
    t.match(await look({}), { sentence: /without its vision projector/, retry: 'when files change' })
    t.match(await look({ modalities: {} }), {
      sentence: /without its vision projector/,
      retry: 'when files change',
    })
    t.match(await look({ ...seeing, model_alias: 'other.gguf' }), {
      sentence: /serves other\.gguf instead of tiny\.gguf/,
      retry: 'when files change',
    })
  },
)

t.test('a large model is asked about a picture at its start only when told so', (t) => {
  const limitBytes = 2 * 1024 ** 3
  const looks = (check: 'auto' | 'on' | 'off', weightBytes: number) =>
    looksAtStart(check, someModel({ weightBytes, mmprojBytes: 1000 }))
  t.equal(looks('auto', limitBytes - 1000), true)
  t.equal(looks('auto', limitBytes - 999), false)
  t.equal(looks('on', limitBytes), true)
  t.equal(looks('off', 0), false)
  t.end()
})

async function look(red: Likelihood[] | Error, blue: Likelihood[] | Error = red) {
  const asked: ChatBody[] = []
  const firstTokens = async (body: ChatBody) => {
    asked.push(body)
    const answer = asked.length === 1 ? red : blue
    if (answer instanceof Error) throw answer
    return answer
  }
  return { blindness: await provesItSees({ firstTokens }, new AbortController().signal), asked }
}

const likely = (...logprobs: number[]) => logprobs.map((logprob) => ({ token: 'a', logprob }))

t.test('it is shown a red square and a blue one, and must be of two minds', async (t) => {
  const { blindness, asked } = await look(likely(-0.1, -2), likely(-0.1, -2.5))
  t.equal(blindness, undefined)
  t.match(asked, Array(2).fill({ max_tokens: 1, temperature: 0, messages: [{ role: 'user' }] }))
  const shown = asked.map(({ messages }) => messages[0]?.content)
  for (const [index, square] of [redSquare, blueSquare].entries())
    t.match(shown[index], [
      { type: 'image_url', image_url: { url: `data:image/png;base64,${square}` } },
      { type: 'text' },
    ])
})

t.test('what it says of them tells what is wrong; a restart may help', async (t) => {
  const cases: [Parameters<typeof look>, RegExp, retry: string][] = [
    [[likely(-0.1)], /sees no difference/, 'perhaps'],
    [[likely(-0.1, Number.NaN), likely(-0.2, -3)], /\(NaN\)/, 'perhaps'],
    [[likely(-0.1), likely(Number.NEGATIVE_INFINITY)], /\(NaN\)/, 'perhaps'],
    [[[], likely(-0.1)], /does not tell how likely/, 'perhaps'],
    [[new Error('no picture')], /first small picture \(no picture\)/, 'backoff'],
    [[likely(-0.1), new Error('no second')], /first small picture \(no second\)/, 'backoff'],
  ]
  for (const [answers, sentence, retry] of cases)
    t.match((await look(...answers)).blindness, { sentence, retry })
})
