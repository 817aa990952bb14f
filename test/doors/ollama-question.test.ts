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
    ...{ repeat_last_n: null, presence_penalty: null, frequency_penalty: null, seed: null, stop: null },
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
    ...{ temperature: 0, top_p: 0, top_k: 0, min_p: 0, repeat_penalty: 1.1, repeat_last_n: 0 },
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

t.test('any number is made into one that the engine takes', (t) => {
  const names = ['temperature', 'top_p', 'top_k', 'min_p', 'repeat_penalty', 'repeat_last_n']
  const penalties = ['presence_penalty', 'frequency_penalty']
  const asked = (value: number) =>
    generated({
      ...asking,
      options: Object.fromEntries([...names, ...penalties].map((name) => [name, value])),
    }).sampling
  t.match(asked(-1e300), {
    ...{ temperature: 0, top_p: 0, top_k: 0, min_p: 0, repeat_penalty: 1, repeat_last_n: context },
    ...{ presence_penalty: -2, frequency_penalty: -2 },
  })
  t.match(asked(1e300), {
    ...{ temperature: 2, top_p: 1, top_k: 1e6, min_p: 1, repeat_penalty: 10, repeat_last_n: context },
    ...{ presence_penalty: 2, frequency_penalty: 2 },
  })
  t.match(asked(-1), { top_k: 0, repeat_penalty: 1, repeat_last_n: context, presence_penalty: -1 })
  const broken = { top_k: 40.9, seed: 8.7, repeat_last_n: 64.5, num_predict: 7.9, repeat_penalty: 1e-40 }
  t.match(generated({ ...asking, options: broken }).sampling, {
    ...{ top_k: 40, seed: 8, repeat_last_n: 64, max_tokens: 7, repeat_penalty: 0.01 },
  })
  t.equal(generated({ ...asking, options: { repeat_penalty: 0 } }).sampling.repeat_penalty, 1, 'none')
  t.end()
})

t.test('an answer without a limit ends where the context does', (t) => {
  for (const [asked, tokens] of [
    [-2, context],
    [-1, context],
    [0, context],
    [0.5, context],
    [1, 1],
    [7, 7],
    [context + 1, context],
  ] as const)
    t.equal(generated({ ...asking, options: { num_predict: asked } }).sampling.max_tokens, tokens, `${asked}`)
  t.end()
})

t.test('a mark in the text stands for the next picture', (t) => {
  const field = 'prompt'
  const text = (words: string) => ({ type: 'text', text: words, field })
  const image = (index: number) => ({ type: 'image', image: 'ABC'.charAt(index), field: `images/${index}` })
  const parts = (prompt: string, count: number) =>
    generated({ prompt, images: ['A', 'B', 'C'].slice(0, count) }).messages[0]?.parts
  t.strictSame(parts('Look\n[img]\n[img]', 2), [text('Look\n'), image(0), image(1)])
  t.strictSame(parts('One:[img]two:[img]. Well?', 3), [
    ...[image(2), text('One:'), image(0), text('two:'), image(1), text('. Well?')],
  ])
  t.strictSame(parts('One:[img]two:[img]', 1), [text('One:'), image(0), text('two:[img]')])
  t.strictSame(parts('What is [img]?', 0), [text('What is [img]?')])
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
