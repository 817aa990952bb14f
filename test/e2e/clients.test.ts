/**
 * The clients that people have, unmodified: OpenAI's, the AI SDK's and Ollama's, each with a question about a picture,
 * a stream, a cancel in mid-stream and an error. `CLIENTS_TRANSCRIPT` names a file for what was said.
 */
import { appendFileSync } from 'node:fs'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, jsonSchema, streamObject, streamText } from 'ai'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import t from 'tap'
import { png } from '../support/images.ts'
import { clientsGone, healthyService, type RunningService } from '../support/service.ts'

const question = 'What colour is it?'
const colours = /red|blue/i

let service: RunningService
let picture: Buffer
let dataUrl: string

t.before(async () => {
  service = await healthyService(t, { CONTEXT_SIZE: '1024', MODEL_ALIASES: 'llama3.2-vision' })
  picture = await png()
  dataUrl = `data:image/png;base64,${picture.toString('base64')}`
})

/** Each line of the transcript says who heard what. */
function said(client: string, what: unknown): void {
  const file = process.env.CLIENTS_TRANSCRIPT
  if (file) appendFileSync(file, `${client}: ${typeof what === 'string' ? what : JSON.stringify(what)}\n`)
}

/** Holds the model back from ending its answer before its reader has gone. */
const long = { type: 'string' as const, minLength: 1500 }
const longTokens = 900

const gone = (door: string): Promise<number> => clientsGone(service.url, door)

t.test("OpenAI's own client", async (t) => {
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 })
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: question },
        { type: 'image_url', image_url: { url: dataUrl, detail: 'low' } },
      ],
    },
  ]
  const request = { model: 'demo', messages, temperature: 0, max_tokens: 16 }

  const answer = await client.chat.completions.create(request)
  said('openai', answer.choices[0]?.message)
  t.match(answer.choices[0], { finish_reason: 'stop', message: { role: 'assistant', content: colours } })
  t.ok((answer.usage?.prompt_tokens ?? 0) > 10)

  let text = ''
  let usage: unknown
  const stream = await client.chat.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  })
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
  }
  said('openai, stream', text)
  t.equal(text, answer.choices[0]?.message.content)
  t.match(usage, { total_tokens: answer.usage?.total_tokens ?? 0 })

  const response_format = { type: 'json_schema' as const, json_schema: { name: 'long', schema: long } }
  const cut = await client.chat.completions.create({
    ...request,
    max_tokens: longTokens,
    response_format,
    stream: true,
  })
  for await (const chunk of cut) if (chunk.choices[0]?.delta.content) break
  t.equal(await gone('openai'), 1)
  said('openai, cancel', 'the slot is free')

  const schema = { type: 'object', properties: { colour: { type: 'string' } }, required: ['colour'] }
  const json = await client.chat.completions.create({
    ...request,
    max_tokens: 64,
    response_format: { type: 'json_schema', json_schema: { name: 'picture', schema } },
  })
  said('openai, JSON', json.choices[0]?.message.content)
  if (json.choices[0]?.finish_reason === 'stop') {
    t.type(JSON.parse(json.choices[0].message.content ?? '').colour, 'string')
  }

  const wrong = client.chat.completions.create({ ...request, model: 'gpt-5' })
  const error = await wrong.then(
    () => undefined,
    (thrown) => thrown,
  )
  said('openai, error', error.message)
  t.ok(error instanceof OpenAI.NotFoundError)
  t.match(error, { status: 404, code: 'model_not_found', message: /gpt-5 is not loaded.*demo/ })
  const tools = [{ type: 'function' as const, function: { name: 'f' } }]
  await t.rejects(client.chat.completions.create({ ...request, tools }), {
    status: 400,
    message: /Calling tools freely is not offered/,
  })
  const broken = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } }
  await t.rejects(
    client.chat.completions.create({ ...request, messages: [{ role: 'user', content: [broken] }] }),
    { status: 400, code: 'not_an_image', param: 'messages/0/content/0/image_url/url' },
  )

  const models = await client.models.list()
  t.match(models.data[0], { id: 'demo', object: 'model' })
  t.match(await client.models.retrieve('demo'), { id: 'demo' })
})

t.test('the AI SDK with its OpenAI-compatible provider', async (t) => {
  const provider = createOpenAICompatible({
    name: 'llama-vision',
    baseURL: `${service.url}/v1`,
    includeUsage: true,
    supportsStructuredOutputs: true,
  })
  const ask = (text = question) => ({
    model: provider('demo'),
    temperature: 0,
    maxOutputTokens: 16,
    maxRetries: 0,
    messages: [
      {
        role: 'user' as const,
        content: [
          { type: 'text' as const, text },
          { type: 'image' as const, image: picture, mediaType: 'image/png' },
        ],
      },
    ],
  })

  const { text, usage, finishReason } = await generateText(ask())
  said('ai', { text, finishReason })
  t.match(text, colours)
  t.equal(finishReason, 'stop')
  t.ok((usage.inputTokens ?? 0) > 10)

  const streamed = streamText(ask())
  let heard = ''
  for await (const piece of streamed.textStream) heard += piece
  said('ai, stream', heard)
  t.equal(heard, text)
  t.equal((await streamed.usage).totalTokens, usage.totalTokens)

  const caller = new AbortController()
  const cut = streamObject({
    ...ask(),
    maxOutputTokens: longTokens,
    schema: jsonSchema<string[]>({
      type: 'object',
      properties: { text: long },
      required: ['text'],
    }),
    abortSignal: caller.signal,
    onError: () => {},
  })
  cut.object.catch(() => {})
  await t.rejects(
    (async () => {
      for await (const part of cut.fullStream) if (part.type === 'text-delta') caller.abort()
    })(),
    { name: 'AbortError' },
  )
  t.equal(await gone('openai'), 2)
  said('ai, cancel', 'the slot is free')

  const error = await generateText({ ...ask(), model: provider('other') }).then(
    () => undefined,
    (thrown) => thrown,
  )
  said('ai, error', error.message)
  t.ok(APICallError.isInstance(error))
  t.match(error, { statusCode: 404, message: /other is not loaded/ })
})

t.test("Ollama's own client", async (t) => {
  const client = new Ollama({ host: service.url })
  const image = picture.toString('base64')
  const options = { temperature: 0, num_predict: 16 }

  const answer = await client.generate({
    model: 'llama3.2-vision',
    prompt: question,
    images: [image],
    options,
  })
  said('ollama, generate', answer.response)
  t.match(answer, { model: 'llama3.2-vision', response: colours, done: true, done_reason: 'stop' })
  t.ok(answer.total_duration > 1e6 && answer.eval_count > 0 && answer.prompt_eval_count > 10)

  const messages = [{ role: 'user', content: question, images: [picture] }]
  const chat = await client.chat({ model: 'demo:latest', messages, options })
  said('ollama, chat', chat.message)
  t.equal(chat.message.content, answer.response)

  let heard = ''
  let last: unknown
  for await (const part of await client.chat({ model: 'demo', messages, options, stream: true })) {
    heard += part.message.content
    last = part
  }
  said('ollama, stream', heard)
  t.equal(heard, answer.response)
  t.match(last, { done: true, done_reason: 'stop', eval_count: answer.eval_count })

  const cut = await client.chat({
    model: 'demo',
    messages,
    options: { ...options, num_predict: longTokens },
    format: long,
    stream: true,
  })
  await t.rejects(
    (async () => {
      for await (const part of cut) if (part.message.content) cut.abort()
    })(),
    { name: 'AbortError' },
  )
  t.equal(await gone('ollama'), 1)
  said('ollama, cancel', 'the slot is free')

  const error = await client.generate({ model: 'llava', prompt: 'a' }).then(
    () => undefined,
    (thrown) => thrown,
  )
  said('ollama, error', error.message)
  t.match(error, { status_code: 404, message: /llava is not loaded.*demo/ })

  const names = ['demo', 'demo:latest', 'llama3.2-vision', 'llama3.2-vision:latest']
  const { models } = await client.list()
  t.same(
    models.map(({ name }) => name),
    names,
  )
  t.match(models[0], { details: { family: 'mllama' } })
  t.match((await client.ps()).models[0], { name: 'demo' })
  t.match(await client.pull({ model: 'llama3.2-vision' }), { status: 'success' })
  await t.rejects(client.pull({ model: 'llava' }), /Pulling llava is not offered/)
  t.match(await client.show({ model: 'demo' }), { capabilities: ['completion', 'vision'] })
  t.match(await client.version(), { version: /^\d/ })
  await t.rejects(client.embed({ model: 'demo', input: 'a' }), /makes no embeddings/)
})
