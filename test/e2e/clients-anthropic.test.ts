/**
 * Anthropic's own client, unmodified, with its key: a question about a picture, a stream, a cancel in mid-stream, errors, JSON
 * by a schema, a tool and what it gave, a document, tokens counted.
 */
import Anthropic from '@anthropic-ai/sdk'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import t from 'tap'
import { z } from 'zod'
import { redSquare } from '../../src/plain-squares.ts'
import { pdf } from '../support/images.ts'
import { clientsGone, healthyService } from '../support/service.ts'

const question = { type: 'text' as const, text: 'What colour is it?' }
const red = { colour: 'red' }
const photo = z.object({ colour: z.enum(['red', 'blue']) })
const input_schema = {
  type: 'object' as const,
  properties: { colour: { type: 'string', enum: ['red', 'blue'] } },
  required: ['colour'],
}
const tools: Anthropic.Tool[] = [{ name: 'tell', description: 'Tells the colour', input_schema }]
/** Holds the model back from ending its answer before its reader has gone. */
const long = {
  type: 'object' as const,
  properties: { text: { type: 'string', minLength: 1500 } },
  required: ['text'],
}

t.test("Anthropic's own client", async (t) => {
  const { url } = await healthyService(t, { CONTEXT_SIZE: '1024' })
  const client = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 })
  const image: Anthropic.ImageBlockParam = {
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data: redSquare },
  }
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: [image, question] }]
  const request = { model: 'demo', max_tokens: 64, temperature: 0, messages }

  const answer = await client.messages.create(request)
  t.match(answer, { type: 'message', content: [{ type: 'text', text: /red/i }], stop_reason: 'end_turn' })
  const { input_tokens, cache_read_input_tokens, output_tokens } = answer.usage
  t.ok(output_tokens > 0)
  t.same(await client.messages.countTokens({ model: 'demo', messages }), {
    input_tokens: input_tokens + Number(cache_read_input_tokens),
  })

  const stream = client.messages.stream(request)
  let heard = ''
  for await (const event of stream)
    if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') heard += event.delta.text
  t.same((await stream.finalMessage()).content, answer.content)
  t.equal(heard, await stream.finalText())
  for await (const event of await client.messages.create({ ...request, stream: true }))
    if (event.type === 'message_start') {
      const { usage } = event.message
      const told = usage.input_tokens + Number(usage.cache_read_input_tokens)
      t.equal(told, input_tokens + Number(cache_read_input_tokens), 'the prompt is known from the start')
    }

  const output_config = { format: zodOutputFormat(photo) }
  t.same((await client.messages.parse({ ...request, output_config })).parsed_output, red)
  const tool_choice = { type: 'tool' as const, name: 'tell' }
  const called = await client.messages.create({ ...request, tools, tool_choice })
  t.match(called, { content: [{ type: 'tool_use', name: 'tell', input: red }], stop_reason: 'tool_use' })
  const calling = client.messages.stream({ ...request, tools, tool_choice: { type: 'any' } })
  t.match((await calling.finalMessage()).content, [{ type: 'tool_use', input: red }])
  const [call] = called.content
  const result = { type: 'tool_result' as const, tool_use_id: call?.type === 'tool_use' ? call.id : '' }
  const next = await client.messages.create({
    ...request,
    messages: [
      ...messages,
      { role: 'assistant', content: called.content },
      { role: 'user', content: [{ ...result, content: 'Thank you.' }, question] },
    ],
  })
  t.match(next.content, [{ type: 'text', text: /./ }])
  const cut = await client.messages.create({ ...request, max_tokens: 2, tools, tool_choice })
  t.match(cut, { content: [{ type: 'tool_use' }], stop_reason: 'max_tokens' })

  const data = pdf(2).toString('base64')
  const source = { type: 'base64' as const, media_type: 'application/pdf' as const, data }
  const read = await client.messages.create({
    ...request,
    system: [{ type: 'text', text: 'Be brief.' }],
    messages: [{ role: 'user', content: [{ type: 'document', source }, question] }],
  })
  t.match(read.content, [{ type: 'text', text: /red/i }])

  const left = await client.messages.create({
    ...request,
    max_tokens: 900,
    output_config: { format: { type: 'json_schema', schema: long } },
    stream: true,
  })
  for await (const event of left) if (event.type === 'content_block_delta') break
  t.equal(await clientsGone(url, 'anthropic'), 1)

  const thrown = await client.messages.create({ ...request, model: 'claude' }).then(
    () => undefined,
    (error) => error,
  )
  t.ok(thrown instanceof Anthropic.NotFoundError)
  t.match(thrown, { type: 'not_found_error', requestID: /./, message: /claude is not loaded.*demo/ })
  await t.rejects(client.messages.create({ ...request, tools }), {
    status: 400,
    message: /Calling tools freely/,
  })
})

t.test('its key is one of API_KEYS', async (t) => {
  const { url } = await healthyService(t, { API_KEYS: 'secret' })
  const ask = (apiKey: string) =>
    new Anthropic({ baseURL: url, apiKey, maxRetries: 0 }).messages.create({
      model: 'demo',
      max_tokens: 4,
      messages: [{ role: 'user', content: 'What colour?' }],
    })
  t.match(await ask('secret'), { type: 'message' })
  await t.rejects(ask('wrong'), { status: 401, message: /authentication_error/ })
})
