import t from 'tap'
import { chatQuestion, generateQuestion } from '../../src/doors/ollama/question.ts'
import type { ChatRequest, GenerateRequest } from '../../src/doors/ollama/schema.ts'
import { defaults } from '../../src/inference/question.ts'
import { refusal } from '../support/refusal.ts'

const context = 2048
const asking = { prompt: 'What?' }

const generated = (request: GenerateRequest) => {
  const question = generateQuestion(request, context)
  if (!question) throw new Error('It asks for nothing')
  return question
}

t.test('what is left out, or null, has our defaults', (t) => {
  const whole = {
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'What?', field: 'prompt' }] }],
    detail: 'auto',
    pages: 1,
    sampling: { ...defaults, max_tokens: context },
    json: undefined,
  }
  const options = {
    ...{ num_predict: null, temperature: null, top_p: null, top_k: null, min_p: null, repeat_penalty: null },
    ...{ presence_penalty: null, frequency_penalty: null, seed: null, stop: null },
  }
  t.strictSame(generated(asking), whole)
  t.strictSame(generated({ ...asking, options: {} }), whole)
  t.strictSame(generated({ ...asking, images: null, system: null, format: null, options }), whole)
  t.strictSame(generated({ ...asking, images: [], system: '', suffix: '', raw: false, format: '' }), whole)
  t.strictSame(chatQuestion({ messages: [{ role: 'user', content: 'What?' }], tools: [] }, context), {
    ...whole,
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'What?', field: 'messages/0/content' }] }],
  })
  t.end()
})

t.test('what is asked for is taken over, nought as well', (t) => {
  const options = {
    ...{ temperature: 0, top_p: 0, top_k: 0, min_p: 0, repeat_penalty: 0 },
    ...{ presence_penalty: 0, frequency_penalty: 0, seed: 0 },
  }
  t.strictSame(generated({ ...asking, options: { ...options, stop: ['', 'END'] } }).sampling, {
    ...options,
    max_tokens: context,
    stop: ['END'],
  })
  t.equal(generated({ ...asking, options: { seed: -1 } }).sampling.seed, 2 ** 32 - 1)
  t.end()
})

t.test('an answer has a token at least, and ends where the context does', (t) => {
  for (const [asked, tokens] of [
    [-2, context],
    [-1, context],
    [0, 1],
    [1, 1],
    [7, 7],
    [context + 1, context],
  ] as const)
    t.equal(generated({ ...asking, options: { num_predict: asked } }).sampling.max_tokens, tokens, `${asked}`)
  t.end()
})

t.test('a format is JSON of any kind, a schema, or none', (t) => {
  t.equal(generated({ ...asking, format: 'json' }).json, true)
  t.same(generated({ ...asking, format: { type: 'string' } }).json, { type: 'string' })
  const { code, facts } = refusal(() => generated({ ...asking, format: 'x'.repeat(100) as 'json' }))
  t.equal(code, 'unknown_choice')
  t.same(facts, { field: 'format', expected: 'json or a JSON Schema', actual: 'x'.repeat(40) })
  t.end()
})

t.test('pictures come before the words, and each says where it was', (t) => {
  const image = (text: string, field: string) => ({ type: 'image', image: text, field })
  t.strictSame(generated({ prompt: 'Which?', system: 'Be brief.', images: ['AAAA', 'BBBB'] }).messages, [
    { role: 'system', parts: [{ type: 'text', text: 'Be brief.', field: 'system' }] },
    {
      role: 'user',
      parts: [
        image('AAAA', 'images/0'),
        image('BBBB', 'images/1'),
        { type: 'text', text: 'Which?', field: 'prompt' },
      ],
    },
  ])
  const messages: ChatRequest['messages'] = [
    { role: 'assistant', content: null, images: null },
    { role: 'user', images: ['AAAA'] },
  ]
  t.strictSame(chatQuestion({ messages }, context)?.messages, [
    { role: 'assistant', parts: [{ type: 'text', text: '', field: 'messages/0/content' }] },
    {
      role: 'user',
      parts: [image('AAAA', 'messages/1/images/0'), { type: 'text', text: '', field: 'messages/1/content' }],
    },
  ])
  t.end()
})

t.test(
  'a request without words or pictures asks for nothing; one with pictures alone lacks its words',
  (t) => {
    for (const wordless of [{}, { prompt: null }, { prompt: '' }]) {
      t.equal(generateQuestion(wordless, context), undefined)
      t.equal(generateQuestion({ ...wordless, images: [], system: 'Be brief.' }, context), undefined)
      t.throws(() => generated({ ...wordless, images: ['AAAA'] }), {
        code: 'empty_prompt',
        facts: { field: 'prompt' },
      })
    }
    t.throws(() => generated({ prompt: ' ' }), { code: 'empty_prompt' })
    t.equal(chatQuestion({}, context), undefined)
    t.equal(chatQuestion({ messages: [] }, context), undefined)
    t.end()
  },
)

t.test('what is not served says so', (t) => {
  const refused = (ask: () => unknown, feature: string) =>
    t.throws(ask, { code: 'not_supported', facts: { feature } })
  refused(() => generated({ ...asking, suffix: 'b' }), 'A suffix')
  refused(() => generated({ ...asking, raw: true }), 'A raw prompt')
  refused(() => chatQuestion({ tools: [{}] }, context), 'Calling tools')
  t.end()
})
