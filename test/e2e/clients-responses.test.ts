/**
 * The clients that ask `/v1/responses` by now, unmodified: OpenAI's own, the AI SDK's `openai()` and LangChain, each with a
 * question about a picture, a stream, a call and JSON by a schema; a file, a conversation, a cancel in mid-stream, an error.
 */
import { createOpenAI } from '@ai-sdk/openai'
import { HumanMessage } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import { APICallError, generateObject, generateText, streamText, tool } from 'ai'
import OpenAI from 'openai'
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import t from 'tap'
import { z } from 'zod'
import { redSquare } from '../../src/plain-squares.ts'
import { pdf } from '../support/images.ts'
import { clientsGone, healthyService, type RunningService } from '../support/service.ts'

const question = 'What colour is it?'
const picture = Buffer.from(redSquare, 'base64')
const dataUrl = `data:image/png;base64,${redSquare}`
const photo = z.object({ colour: z.enum(['red', 'blue']) })
const red = { colour: 'red' }
/** Holds the model back from ending its answer before its reader has gone. */
const long = { type: 'string', minLength: 1500 }

let service: RunningService
let baseURL: string

t.before(async () => {
  service = await healthyService(t, { CONTEXT_SIZE: '1024' })
  baseURL = `${service.url}/v1`
})

const thrown = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  )

t.test("OpenAI's own client", async (t) => {
  const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
  const content: OpenAI.Responses.ResponseInputContent[] = [
    { type: 'input_text', text: question },
    { type: 'input_image', image_url: dataUrl, detail: 'auto' },
  ]
  const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content }]
  const request = { model: 'demo', input, temperature: 0, max_output_tokens: 64 }
  const tools = [zodResponsesFunction({ name: 'tell', parameters: photo })]
  const tool_choice = { type: 'function' as const, name: 'tell' }

  const answer = await client.responses.create(request)
  t.match(answer, { status: 'completed', output_text: /red/i, usage: { output_tokens: Number } })
  const next = await client.responses.create({
    ...request,
    // Their types of what comes and of what is sent differ in a word.
    input: [...input, ...(answer.output as typeof input), { role: 'user', content: 'Is it a circle?' }],
  })
  t.match(next.output_text, /./, 'its own items are taken back')

  let text = ''
  let last: OpenAI.Responses.ResponseStreamEvent | undefined
  for await (const event of await client.responses.create({ ...request, stream: true })) {
    if (event.type === 'response.output_text.delta') text += event.delta
    last = event
  }
  t.equal(text, answer.output_text)
  t.match(last, {
    type: 'response.completed',
    response: { usage: { total_tokens: answer.usage?.total_tokens } },
  })

  const format = zodTextFormat(photo, 'photo')
  t.same((await client.responses.parse({ ...request, text: { format } })).output_parsed, red)
  const streamed = client.responses.stream({ ...request, text: { format } })
  t.same((await streamed.finalResponse()).output_parsed, red)
  const called = await client.responses.parse({ ...request, tools, tool_choice })
  t.match(called.output, [{ type: 'function_call', name: 'tell', parsed_arguments: red }])
  const calling = client.responses.stream({ ...request, tools, tool_choice: 'required' })
  t.match((await calling.finalResponse()).output, [{ type: 'function_call', parsed_arguments: red }])

  const cut = await client.responses.create({
    ...request,
    max_output_tokens: 900,
    text: { format: { type: 'json_schema', name: 'long', schema: long } },
    stream: true,
  })
  for await (const event of cut) if (event.type === 'response.output_text.delta') break
  t.equal(await clientsGone(service.url, 'openai'), 1)

  const short = await client.responses.create({ ...request, max_output_tokens: 1 })
  t.match(short, { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
  await t.rejects(client.responses.create({ ...request, tools }), { status: 400, code: 'not_supported' })
  await t.rejects(client.responses.create({ ...request, model: 'gpt-5' }), {
    status: 404,
    code: 'model_not_found',
  })
  await t.rejects(client.responses.create({ ...request, previous_response_id: answer.id }), {
    status: 400,
    message: /nothing is stored/,
  })
})

t.test("the AI SDK's openai()", async (t) => {
  const ask = {
    model: createOpenAI({ baseURL, apiKey: 'none' })('demo'),
    temperature: 0,
    maxOutputTokens: 64,
    maxRetries: 0,
    messages: [
      {
        role: 'user' as const,
        content: [
          { type: 'text' as const, text: question },
          { type: 'image' as const, image: picture, mediaType: 'image/png' },
        ],
      },
    ],
  }
  const answer = await generateText(ask)
  t.match(answer, { text: /red/i, finishReason: 'stop' })
  t.ok((answer.usage.inputTokens ?? 0) > 10)
  const streamed = streamText(ask)
  let heard = ''
  for await (const piece of streamed.textStream) heard += piece
  t.equal(heard, answer.text)
  t.same((await generateObject({ ...ask, schema: photo })).object, red)
  const called = await generateText({
    ...ask,
    tools: { tell: tool({ inputSchema: photo }) },
    toolChoice: { type: 'tool', toolName: 'tell' },
  })
  t.match(called.toolCalls, [{ toolName: 'tell', input: red }])
  const next = [...ask.messages, ...answer.response.messages, { role: 'user' as const, content: 'And now?' }]
  const again = await generateText({
    ...ask,
    messages: next,
    providerOptions: { openai: { store: false } },
  })
  t.match(again.text, /./)
  const stored = await thrown(generateText({ ...ask, messages: next }))
  t.ok(APICallError.isInstance(stored))
  t.match(stored, { statusCode: 400, message: /store: false/ })
  const document = [
    { type: 'text' as const, text: question },
    { type: 'file' as const, data: pdf(2), mediaType: 'application/pdf' },
  ]
  t.match((await generateText({ ...ask, messages: [{ role: 'user', content: document }] })).text, /red/i)
})

t.test('LangChain', async (t) => {
  const model = new ChatOpenAI({
    model: 'demo',
    apiKey: 'none',
    useResponsesApi: true,
    configuration: { baseURL },
    temperature: 0,
    maxTokens: 64,
    maxRetries: 0,
  })
  const content = [
    { type: 'text', text: question },
    { type: 'image_url', image_url: { url: dataUrl } },
  ]
  const ask = [new HumanMessage({ content })]
  const answer = await model.invoke(ask)
  t.match(answer.text, /red/i)
  let heard = ''
  for await (const piece of await model.stream(ask)) heard += piece.text
  t.equal(heard, answer.text)
  for (const method of ['functionCalling', 'jsonSchema'] as const)
    t.same(await model.withStructuredOutput(photo, { method, name: 'photo' }).invoke(ask), red, method)
  t.match((await model.invoke([...ask, answer, new HumanMessage('And now?')])).text, /./)
})
