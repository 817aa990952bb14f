import t from 'tap'
import { questionOf, schemaFieldOf } from '../../src/doors/openai/question.ts'
import type { ChatRequest } from '../../src/doors/openai/schema.ts'
import { defaults } from '../../src/inference/question.ts'
import { refusal } from '../support/refusal.ts'

const model = { contextTokens: 2048, maxImages: 8 }

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
    t.equal(questionOf(asking(...details), model).detail, detail, JSON.stringify(details))
  }
  t.end()
})

t.test('what is asked for is taken over, and what is not has our defaults', (t) => {
  const plain = questionOf(asking('auto'), model)
  t.same(plain.sampling, { ...defaults, max_tokens: 2048 }, 'an answer ends where the context does')
  const nulls = {
    temperature: null,
    top_p: null,
    presence_penalty: null,
    frequency_penalty: null,
    seed: null,
  }
  t.strictSame(questionOf({ ...asking('auto'), ...nulls, stop: null }, model), plain, 'null is nothing')
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
    model,
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
  t.equal(questionOf({ ...asking(), max_tokens: 7, max_completion_tokens: 5 }, model).sampling.max_tokens, 5)
  t.equal(questionOf({ ...asking(), max_tokens: 9000 }, model).sampling.max_tokens, 2048)
  t.equal(questionOf({ ...asking(), response_format: { type: 'text' } }, model).json, undefined)
  const schema = { type: 'object' }
  const asked = questionOf(
    { ...asking(), response_format: { type: 'json_schema', json_schema: { schema } } },
    model,
  )
  t.same(asked.json, schema)
  t.end()
})

t.test('parts keep their order and say where they were', (t) => {
  const { messages } = questionOf(asking('auto', 'low'), model)
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
    model,
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

t.test('a file is read whole, or refused for what it has too many of', (t) => {
  const file = (given: object) =>
    ({ messages: [{ role: 'user', content: [{ type: 'file', file: given }] }] }) as ChatRequest
  const data = 'data:application/pdf;base64,AAAA'
  const field = 'messages/0/content/0/file/file_data'
  const { messages, pages } = questionOf(file({ file_data: data, filename: 'a.pdf' }), model)
  t.same(messages[0]?.parts, [{ type: 'image', image: data, field }])
  t.equal(pages, 9, 'a page more than there may be pictures')
  t.match(
    refusal(() => questionOf(file({ file_id: 'file-1' }), model)),
    {
      code: 'not_supported',
      facts: { field: 'messages/0/content/0/file/file_id' },
    },
  )
  t.match(
    refusal(() => questionOf(file({}), model)),
    { code: 'missing_field', facts: { field } },
  )
  t.end()
})

t.test('the address of a picture may stand there by itself', (t) => {
  const content = [{ type: 'image_url', image_url: 'AAAA' }]
  const { messages, detail } = questionOf({ messages: [{ role: 'user', content }] }, model)
  t.same(messages[0]?.parts, [{ type: 'image', image: 'AAAA', field: 'messages/0/content/0/image_url' }])
  t.equal(detail, 'auto')
  t.end()
})

t.test('an earlier call is told in the words that it was made of, and what it gave by the user', (t) => {
  const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }
  const { messages } = questionOf(
    {
      messages: [
        { role: 'user', content: 'What?' },
        { role: 'assistant', content: null, tool_calls: [call, { function: {} }, {}] },
        { role: 'tool', content: '' },
        { role: 'assistant', content: 'Well', function_call: { arguments: '{}' } },
        { role: 'assistant', content: [], function_call: {} },
        { role: 'function', content: 'it is broken' },
      ],
    },
    model,
  )
  const text = (words: string, at: string) => ({ type: 'text', text: words, field: `messages/${at}` })
  t.same(messages, [
    { role: 'user', parts: [text('What?', '0/content')] },
    {
      role: 'assistant',
      parts: [
        text('{"a":1}', '1/tool_calls/0/function/arguments'),
        text('', '1/tool_calls/1/function/arguments'),
        text('', '1/tool_calls/2/function/arguments'),
      ],
    },
    { role: 'user', parts: [text('', '2/content')] },
    { role: 'assistant', parts: [text('Well', '3/content'), text('{}', '3/function_call/arguments')] },
    { role: 'assistant', parts: [text('', '4/function_call/arguments')] },
    { role: 'user', parts: [text('it is broken', '5/content')] },
  ])
  t.end()
})

t.test('JSON of any kind may have a schema as well', (t) => {
  const schema = { type: 'array' }
  const asked = { ...asking(), response_format: { type: 'json_object' as const, schema } }
  t.equal(questionOf(asked, model).json, schema)
  t.equal(schemaFieldOf(asked), 'response_format/schema')
  t.equal(schemaFieldOf(asking()), 'response_format/json_schema/schema')
  t.end()
})

t.test('what is not served, and what is missing, is named by its place', (t) => {
  const refused = (request: Partial<ChatRequest>, code: string, facts: object) =>
    t.throws(() => questionOf({ ...asking(), ...request }, model), { code, facts }, code)
  refused({ logprobs: true }, 'not_supported', { feature: 'logprobs' })
  t.ok(questionOf({ ...asking(), n: 1, tools: [], functions: [], logprobs: false }, model))
  refused({ messages: [{ role: 'robot', content: 'a' }] }, 'unknown_choice', { field: 'messages/0/role' })
  const long = 'x'.repeat(100)
  t.same(refusal(() => questionOf({ messages: [{ role: long, content: 'a' }] }, model)).facts, {
    field: 'messages/0/role',
    expected: 'one of system, developer, user, assistant, tool, function',
    actual: 'x'.repeat(40),
  })
  refused({ messages: [{ role: 'user', content: ' ' }] }, 'empty_prompt', { field: 'messages/0/content' })
  t.ok(questionOf({ messages: [{ role: 'assistant', content: ' ' }] }, model))
  const content = (part: object) =>
    ({ messages: [{ role: 'user', content: [part] }] }) as Partial<ChatRequest>
  refused(content({ type: 'text' }), 'missing_field', { field: 'messages/0/content/0/text' })
  refused(content({ type: 'image_url' }), 'missing_field', { field: 'messages/0/content/0/image_url' })
  refused(content({ type: 'input_audio' }), 'not_supported', { field: 'messages/0/content/0/type' })
  t.equal(
    refusal(() => questionOf({ ...asking(), ...content({ type: long }) }, model)).facts.feature,
    `Content of type ${'x'.repeat(40)}`,
  )
  refused({ response_format: { type: 'json_schema' } }, 'missing_field', {
    field: 'response_format/json_schema/schema',
  })
  t.end()
})
