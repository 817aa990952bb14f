import t from 'tap'
import { questionOf } from '../../src/doors/anthropic/question.ts'
import type { MessagesRequest } from '../../src/doors/anthropic/schema.ts'
import { defaults } from '../../src/inference/question.ts'

const model = { contextTokens: 2048, maxImages: 8 }
const text = (words: string, field: string) => ({ type: 'text', text: words, field })
const image = (data: string, field: string) => ({ type: 'image', image: data, field })
const messages = [{ role: 'user' as const, content: '{"colour": "red"}' }]

t.test('a request is a question, with our defaults', (t) => {
  t.same(questionOf({ messages }, model), {
    messages: [{ role: 'user', parts: [text('{"colour": "red"}', 'messages/0/content')] }],
    detail: 'auto',
    pages: 1,
    sampling: { ...defaults, max_tokens: 2048 },
    json: undefined,
  })
  const set = { max_tokens: 7, temperature: 0, top_p: 0, top_k: 0 }
  t.same(questionOf({ messages, ...set, stop_sequences: ['', 'END'] }, model).sampling, {
    ...defaults,
    ...set,
    stop: ['END'],
  })
  t.equal(questionOf({ messages, max_tokens: 9000 }, model).sampling.max_tokens, 2048)
  const schema = { type: 'string' }
  const output_config = { format: { type: 'json_schema', schema } }
  t.equal(questionOf({ messages, output_config }, model).json, schema)
  t.end()
})

t.test('blocks keep their order and say where they were', (t) => {
  const request: MessagesRequest = {
    system: [{ type: 'text', text: 'Be brief.' }],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What?' },
          { type: 'image', source: { type: 'base64', data: 'AAAA' } },
          { type: 'image', source: { type: 'url', url: 'https://a/b.png' } },
          { type: 'document', source: { type: 'base64', data: 'BBBB' } },
          { type: 'document', source: { type: 'text', data: 'A letter.' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'thinking' },
          { type: 'tool_use', input: { a: 1 } },
          { type: 'tool_use' },
          { type: 'redacted_thinking' },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', content: 'done' },
          { type: 'tool_result', content: [{ type: 'image', source: { type: 'base64', data: 'CCCC' } }] },
          { type: 'tool_result' },
        ],
      },
      { role: 'assistant', content: '' },
    ],
  }
  const asked = questionOf(request, model)
  t.same(asked.messages, [
    { role: 'system', parts: [text('Be brief.', 'system/0/text')] },
    {
      role: 'user',
      parts: [
        text('What?', 'messages/0/content/0/text'),
        image('AAAA', 'messages/0/content/1/source/data'),
        image('https://a/b.png', 'messages/0/content/2/source/url'),
        image('BBBB', 'messages/0/content/3/source/data'),
        text('A letter.', 'messages/0/content/4/source/data'),
      ],
    },
    {
      role: 'assistant',
      parts: [text('{"a":1}', 'messages/1/content/1/input'), text('{}', 'messages/1/content/2/input')],
    },
    {
      role: 'user',
      parts: [
        text('done', 'messages/2/content/0/content'),
        image('CCCC', 'messages/2/content/1/content/0/source/data'),
      ],
    },
    { role: 'assistant', parts: [] },
  ])
  t.equal(asked.pages, 9, 'a document is read whole')
  const inResult = {
    type: 'tool_result',
    content: [{ type: 'document', source: { type: 'base64', data: 'A' } }],
  }
  t.equal(questionOf({ messages: [{ role: 'user', content: [inResult] }] }, model).pages, 9, 'there, too')
  t.same(questionOf({ messages, system: 'Be kind.' }, model).messages[0], {
    role: 'system',
    parts: [text('Be kind.', 'system')],
  })
  t.equal(questionOf({ messages, system: '' }, model).messages.length, 1)
  t.end()
})
