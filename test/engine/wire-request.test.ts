/** What the engine is really asked, byte by byte, whatever strangers put into their requests. */
import fc from 'fast-check'
import t from 'tap'
import { type ChatBody, requestBytes } from '../../src/engine/wire.ts'

const sent = (body: ChatBody): Record<string, unknown> => JSON.parse(requestBytes(body, 'stream').toString())

const picture = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } }

const bodyWith = (schema: object, question = 'What?'): ChatBody => ({
  messages: [{ role: 'user', content: [picture, { type: 'text', text: question }] }],
  max_tokens: 1,
  temperature: 0,
  response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
})

t.test('a schema may hold the keys and values of a picture, and stays what it is', (t) => {
  const injected = { image_url: { url: 'http://10.0.0.1/"}}],"max_tokens":9,"x":"' } }
  for (const schema of [
    { type: 'object', properties: { url: { type: 'string' } } },
    { type: 'object', properties: {}, url: 'x"},"stream":false,"y":{"z":"' },
    { type: 'string', examples: [{ type: 'image_url', ...injected }] },
  ]) {
    const body = bodyWith(schema)
    t.same(sent(body), {
      ...body,
      stream: true,
      stream_options: { include_usage: true },
      return_progress: true,
    })
  }
  t.end()
})

t.test('pictures go where they were, between whatever texts', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.object(), (question, schema) => {
      const body = bodyWith(schema, question)
      const { messages, response_format } = sent(body)
      const plain = JSON.parse(JSON.stringify(body))
      t.same(
        { messages, response_format },
        { messages: plain.messages, response_format: plain.response_format },
      )
    }),
    { numRuns: 30 },
  )
  t.end()
})

t.test('texts alone, and several pictures, each in its place', (t) => {
  const other = { type: 'image_url' as const, image_url: { url: 'data:image/jpeg;base64,BBBB' } }
  const text = { type: 'text' as const, text: 'between' }
  const messages: ChatBody['messages'] = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [picture, text, other] },
    { role: 'assistant', content: [] },
    { role: 'user', content: [picture] },
  ]
  t.strictSame(sent({ messages, max_tokens: 1, temperature: 0 }).messages, messages)
  t.end()
})

t.test('a picture is not searched for what JSON would escape, which takes the event loop its time', (t) => {
  const url = `data:image/png;base64,${'A'.repeat(100_000)}`
  const real = JSON.stringify
  let searched = 0
  t.intercept(JSON, 'stringify', {
    value: (...words: Parameters<typeof real>) => {
      const json = real(...words)
      searched += json.length
      return json
    },
  })
  const content = [{ type: 'image_url' as const, image_url: { url } }]
  const bytes = requestBytes(
    { messages: [{ role: 'user', content }], max_tokens: 1, temperature: 0 },
    'stream',
  )
  t.ok(bytes.includes(url))
  t.ok(searched > 0 && searched < 1000, `${searched} characters`)
  t.end()
})

t.test('first tokens are asked for whole, with how likely they are', (t) => {
  const body = bodyWith({})
  t.same(JSON.parse(requestBytes(body, 'first tokens').toString()), {
    ...body,
    logprobs: true,
    top_logprobs: 5,
  })
  t.end()
})
