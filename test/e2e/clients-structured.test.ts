/**
 * Clients that ask for data instead of words, unmodified: instructor, LangChain and OpenAI's own, each in all of its ways
 * (a forced tool, a function, JSON by a schema, JSON of any kind).
 */
import Instructor from '@instructor-ai/instructor'
import { HumanMessage } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import OpenAI from 'openai'
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import t from 'tap'
import { z } from 'zod'
import { z as z3 } from 'zod/v3'
import { redSquare } from '../../src/plain-squares.ts'
import { healthyService, type RunningService } from '../support/service.ts'

const dataUrl = `data:image/png;base64,${redSquare}`
/** What an answer may be: few, so that a model of this size finds an end. */
const choices = ['red', 'blue', 'green'] as const
const photo = z.object({ colour: z.enum(choices).describe('What colour it is') })

let service: RunningService
let client: OpenAI

t.before(async () => {
  service = await healthyService(t, { CONTEXT_SIZE: '2048' })
  client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 })
})

const content = () => [
  { type: 'text' as const, text: 'What colour is it?' },
  { type: 'image_url' as const, image_url: { url: dataUrl } },
]
const request = () => ({
  model: 'demo',
  messages: [{ role: 'user' as const, content: content() }],
  temperature: 0,
  max_tokens: 64,
})

t.test('instructor, with a schema of zod', async (t) => {
  // It knows the schemas of zod 3 only, and its types those of an older one.
  const schema = z3.object({ colour: z3.enum(choices) }) as never
  for (const mode of ['TOOLS', 'FUNCTIONS', 'JSON_SCHEMA'] as const) {
    const instructor = Instructor({ client, mode })
    const response_model = { schema, name: 'Photo' }
    const made: { colour?: unknown } = await instructor.chat.completions.create({
      ...request(),
      response_model,
    })
    t.match(made.colour, /red|blue|green/, mode)
    let last: { colour?: unknown } = {}
    const stream = await instructor.chat.completions.create({ ...request(), response_model, stream: true })
    for await (const part of stream as AsyncIterable<object>) last = part
    t.equal(last.colour, made.colour, `${mode}, streamed`)
  }
  const anything = { schema: z3.object({ colour: z3.unknown() }) as never, name: 'Photo' }
  const instructor = Instructor({ client, mode: 'JSON' })
  const made: object = await instructor.chat.completions.create({ ...request(), response_model: anything })
  t.ok('_meta' in made, 'JSON of any kind')
})

t.test('LangChain with structured output, in all of its ways', async (t) => {
  const model = new ChatOpenAI({
    model: 'demo',
    apiKey: 'none',
    configuration: { baseURL: `${service.url}/v1` },
    temperature: 0,
    maxTokens: 64,
    maxRetries: 0,
  })
  const ask = [new HumanMessage({ content: content() })]
  for (const method of ['functionCalling', 'jsonSchema'] as const) {
    const structured = model.withStructuredOutput(photo, { method, name: 'photo' })
    const { colour } = await structured.invoke(ask)
    t.ok(choices.includes(colour), method)
    let last: unknown
    for await (const part of await structured.stream(ask)) last = part
    t.same(last, { colour }, `${method}, streamed`)
  }
  const anything = z.object({ colour: z.unknown() })
  const { raw } = await model
    .withStructuredOutput(anything, { method: 'jsonMode', includeRaw: true })
    .invoke(ask)
  t.type(JSON.parse(String(raw.content)), 'object')
})

t.test("OpenAI's own client parses a call and JSON by a schema of zod", async (t) => {
  const tool = zodFunction({ name: 'tell', parameters: photo })
  const called = await client.chat.completions.parse({
    ...request(),
    tools: [tool],
    tool_choice: { type: 'function', function: { name: 'tell' } },
  })
  const [call] = called.choices[0]?.message.tool_calls ?? []
  t.match(call?.function.parsed_arguments, { colour: /red|blue|green/ })
  const parsed = await client.chat.completions.parse({
    ...request(),
    response_format: zodResponseFormat(photo, 'photo'),
  })
  t.ok(choices.includes(parsed.choices[0]?.message.parsed?.colour ?? 'red'))
  const several = await client.chat.completions.create({ ...request(), n: 2 })
  t.same(
    several.choices.map(({ index, message }) => [index, message.content]),
    [0, 1].map((index) => [index, several.choices[0]?.message.content]),
    'two answers are alike where nothing is left to chance',
  )
})
