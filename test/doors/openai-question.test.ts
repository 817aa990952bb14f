import t from 'tap'
import { questionOf } from '../../src/doors/openai/question.ts'
import type { ChatRequest } from '../../src/doors/openai/schema.ts'
import { defaults } from '../../src/inference/question.ts'
import { refusal } from '../support/refusal.ts'

type Detail = 'auto' | 'low' | 'high' | undefined

const image = (detail: Detail) => ({
  type: 'image_url',
  image_url: { url: 'AAAA', ...(detail && { detail }) },
})
const asking = (...details: Detail[]): ChatRequest => ({
  messages: [
    { role: 'user', content: 'Before' },
    { role: 'user', content: [...details.map(image), { type: 'text', text: 'What?' }] },
  ],
})

t.test('the finest detail that any picture asks for is that of all', (t) => {
  const cases: [Detail[], string][] = [
    [['high'], 'high'],
    [['low', 'high'], 'high'],
    [['auto', 'high', undefined], 'high'],
    [['low'], 'low'],
    [['low', undefined], 'low'],
    [['low', 'auto'], 'auto'],
    [['auto'], 'auto'],
    [[undefined], 'auto'],
    [[], 'auto'],
  ]
  for (const [details, detail] of cases) {
    t.equal(questionOf(asking(...details), 2048).detail, detail, JSON.stringify(details))
  }
  t.end()
})

t.test('what is asked for is taken over, and what is not has our defaults', (t) => {
  const plain = questionOf(asking('auto'), 2048)
  t.same(plain.sampling, { ...defaults, max_tokens: 2048 }, 'an answer ends where the context does')
  const nulls = {
    temperature: null,
    top_p: null,
    presence_penalty: null,
    frequency_penalty: null,
    seed: null,
  }
  t.strictSame(questionOf({ ...asking('auto'), ...nulls, stop: null }, 2048), plain, 'null is nothing')
  t.equal(plain.json, undefined)
  t.equal(plain.pages, 1)
  const full = questionOf(
    {
      ...asking(),
      max_tokens: 7,
      temperature: 0,
      top_p: 0.5,
      presence_penalty: 1,
      frequency_penalty: -1,
      seed: -1,
      stop: ['a', ''],
      response_format: { type: 'json_object' },
    },
    2048,
  )
  t.same(full.sampling, {
    ...defaults,
    max_tokens: 7,
    temperature: 0,
    top_p: 0.5,
    presence_penalty: 1,
    frequency_penalty: -1,
    seed: 2 ** 32 - 1,
    stop: ['a'],
  })
  t.equal(full.json, true)
  t.equal(questionOf({ ...asking(), max_tokens: 7, max_completion_tokens: 5 }, 2048).sampling.max_tokens, 5)
  t.equal(questionOf({ ...asking(), max_tokens: 9000 }, 2048).sampling.max_tokens, 2048)
  t.equal(questionOf({ ...asking(), response_format: { type: 'text' } }, 2048).json, undefined)
  const schema = { type: 'object' }
  const asked = questionOf(
    { ...asking(), response_format: { type: 'json_schema', json_schema: { schema } } },
    2048,
  )
  t.same(asked.json, schema)
  t.end()
})

t.test('parts keep their order and say where they were', (t) => {
  const { messages } = questionOf(asking('auto', 'low'), 2048)
  t.same(messages, [
    { role: 'user', parts: [{ type: 'text', text: 'Before', field: 'messages/0/content' }] },
    {
      role: 'user',
      parts: [
        { type: 'image', image: 'AAAA', field: 'messages/1/content/0/image_url/url' },
        { type: 'image', image: 'AAAA', field: 'messages/1/content/1/image_url/url' },
        { type: 'text', text: 'What?', field: 'messages/1/content/2/text' },
      ],
    },
  ])
  const developer = questionOf(
    {
      messages: [
        { role: 'developer', content: 'Be brief' },
        { role: 'system', content: 'Be kind' },
        { role: 'assistant' },
      ],
    },
    9,
  )
  t.same(
    developer.messages.map(({ role, parts }) => [role, parts.length]),
    [
      ['system', 1],
      ['system', 1],
      ['assistant', 0],
    ],
  )
  t.end()
})

t.test('what is not served, and what is missing, is named by its place', (t) => {
  const refused = (request: Partial<ChatRequest>, code: string, facts: object) =>
    t.throws(() => questionOf({ ...asking(), ...request }, 2048), { code, facts }, code)
  refused({ tools: [{}] }, 'not_supported', { feature: 'Calling tools' })
  refused({ functions: [{}] }, 'not_supported', { feature: 'Calling tools' })
  refused({ n: 2 }, 'not_supported', { feature: 'n greater than 1' })
  refused({ logprobs: true }, 'not_supported', { feature: 'logprobs' })
  t.ok(questionOf({ ...asking(), n: 1, tools: [], functions: [], logprobs: false }, 2048))
  refused({ messages: [{ role: 'tool', content: 'a' }] }, 'unknown_choice', { field: 'messages/0/role' })
  const long = 'x'.repeat(100)
  t.same(refusal(() => questionOf({ messages: [{ role: long, content: 'a' }] }, 2048)).facts, {
    field: 'messages/0/role',
    expected: 'one of system, developer, user, assistant',
    actual: 'x'.repeat(40),
  })
  refused({ messages: [{ role: 'user', content: ' ' }] }, 'empty_prompt', { field: 'messages/0/content' })
  t.ok(questionOf({ messages: [{ role: 'assistant', content: ' ' }] }, 2048))
  const content = (part: object) =>
    ({ messages: [{ role: 'user', content: [part] }] }) as Partial<ChatRequest>
  refused(content({ type: 'text' }), 'missing_field', { field: 'messages/0/content/0/text' })
  refused(content({ type: 'image_url' }), 'missing_field', { field: 'messages/0/content/0/image_url' })
  refused(content({ type: 'input_audio' }), 'not_supported', { field: 'messages/0/content/0/type' })
  t.equal(
    refusal(() => questionOf({ ...asking(), ...content({ type: long }) }, 2048)).facts.feature,
    `Content of type ${'x'.repeat(40)}`,
  )
  refused({ response_format: { type: 'json_schema' } }, 'missing_field', {
    field: 'response_format/json_schema/schema',
  })
  t.end()
})
