/** OpenAI's Responses: what becomes of a request, and each event of an answer, as their clients read them. */
import t from 'tap'
import type { App } from '../../src/app.ts'
import { questionOf } from '../../src/doors/responses/question.ts'
import type { ResponsesRequest } from '../../src/doors/responses/schema.ts'
import { failure } from '../../src/errors.ts'
import { defaults } from '../../src/inference/question.ts'
import { answerOf, listening, type testApp } from '../support/app.ts'
import { refusal } from '../support/refusal.ts'

const model = { contextTokens: 2048, maxImages: 8 }
const text = (words: string, field: string) => ({ type: 'text', text: words, field })
const image = (data: string, field: string) => ({ type: 'image', image: data, field })
const parameters = { type: 'object', properties: { colour: { type: 'string' } } }
const tools = [{ type: 'function', name: 'tell', parameters }]
const byName = { tools, tool_choice: { type: 'function', name: 'tell' } }

const ask = (app: App, payload: object) =>
  app.inject({ method: 'POST', url: '/v1/responses', payload: { input: 'What colour?', ...payload } })

type Told = { type: string; sequence_number: number } & Record<string, unknown>

/** Each event, whose name is its type and whose number is its place. */
function eventsOf(t: Parameters<typeof testApp>[0], body: string): Told[] {
  const events = body.split('\n\n').slice(0, -1)
  return events.map((event, index) => {
    const [, name, data = ''] = /^event: (\S+)\ndata: (.*)$/.exec(event) ?? []
    const told = JSON.parse(data) as Told
    t.equal(told.type, name)
    t.equal(told.sequence_number, index)
    return told
  })
}

const idOf = (event?: Told): unknown => (event?.item as { id?: string } | undefined)?.id

t.test('a text is a question of the user, with our defaults', (t) => {
  t.same(questionOf({ input: 'What?' }, model), {
    messages: [{ role: 'user', parts: [text('What?', 'input')] }],
    detail: 'auto',
    pages: 1,
    sampling: { ...defaults, max_tokens: 2048 },
    json: undefined,
  })
  const set = { input: 'What?', max_output_tokens: 7, temperature: 0, top_p: 0.5 }
  t.same(questionOf(set, model).sampling, { ...defaults, max_tokens: 7, temperature: 0, top_p: 0.5 })
  t.equal(questionOf({ input: 'a', max_output_tokens: 9000 }, model).sampling.max_tokens, 2048)
  t.match(
    refusal(() => questionOf({ input: ' ' }, model)),
    { code: 'empty_prompt' },
  )
  t.end()
})

t.test('a list is a conversation, and each part says where it was', (t) => {
  const request: ResponsesRequest = {
    instructions: 'Be brief.',
    input: [
      { role: 'developer', content: 'Be kind.' },
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'input_text', text: 'What?' },
          { type: 'input_image', image_url: 'AAAA', detail: 'original' },
          { type: 'input_file', file_data: 'BBBB' },
          { type: 'input_file', file_url: 'https://a/b.pdf' },
        ],
      },
      { type: 'reasoning' },
      { role: 'assistant', content: [{ type: 'output_text', text: 'A cat.' }] },
      { type: 'function_call', arguments: '{"a":1}' },
      { type: 'function_call_output', output: 'done' },
      { type: 'function_call_output', output: [{ type: 'input_image', image_url: 'CCCC' }] },
      { type: null, role: 'system', content: null },
    ],
  }
  const { messages, detail, pages } = questionOf(request, model)
  t.same(messages, [
    { role: 'system', parts: [text('Be brief.', 'instructions')] },
    { role: 'system', parts: [text('Be kind.', 'input/0/content')] },
    {
      role: 'user',
      parts: [
        text('What?', 'input/1/content/0/text'),
        image('AAAA', 'input/1/content/1/image_url'),
        image('BBBB', 'input/1/content/2/file_data'),
        image('https://a/b.pdf', 'input/1/content/3/file_url'),
      ],
    },
    { role: 'assistant', parts: [text('A cat.', 'input/3/content/0/text')] },
    { role: 'assistant', parts: [text('{"a":1}', 'input/4/arguments')] },
    { role: 'user', parts: [text('done', 'input/5/output')] },
    { role: 'user', parts: [image('CCCC', 'input/6/output/0/image_url')] },
    { role: 'system', parts: [] },
  ])
  t.equal(detail, 'high', 'the finest that there is')
  t.equal(pages, 9, 'a file is read whole')
  t.end()
})

t.test('what is not served, and what is missing, is refused by its place', async (t) => {
  const { app } = await listening(t)
  const part = (given: object) => ({ input: [{ role: 'user', content: [given] }] })
  const at = 'input/0/content/0'
  for (const [asked, code, param] of [
    [{ previous_response_id: 'resp_1' }, 'not_supported', null],
    [{ conversation: 'conv_1' }, 'not_supported', null],
    [{ prompt: { id: 'a' } }, 'not_supported', null],
    [{ background: true }, 'not_supported', null],
    [{ top_logprobs: 1 }, 'not_supported', null],
    [{ tools }, 'not_supported', null],
    [{ tools: [{ type: 'web_search' }], tool_choice: 'required' }, 'not_supported', null],
    [{ tools, tool_choice: { type: 'web_search' } }, 'not_supported', null],
    [{ tools, tool_choice: { type: 'function', name: 'b' } }, 'unknown_choice', 'tool_choice/name'],
    [{ input: [{ type: 'item_reference', id: 'msg_1' }] }, 'not_supported', 'input/0/type'],
    [{ input: [{ type: 'computer_call' }] }, 'not_supported', 'input/0/type'],
    [{ input: [{ content: 'a' }] }, 'unknown_choice', 'input/0/role'],
    [{ input: [{ role: 'robot', content: 'a' }] }, 'unknown_choice', 'input/0/role'],
    [{ input: [] }, 'out_of_range', 'input'],
    [{ input: null }, 'wrong_type', 'input'],
    [part({ type: 'input_text' }), 'missing_field', `${at}/text`],
    [part({ type: 'input_image' }), 'missing_field', `${at}/image_url`],
    [part({ type: 'input_image', file_id: 'file_1' }), 'not_supported', `${at}/file_id`],
    [part({ type: 'input_file' }), 'missing_field', `${at}/file_data`],
    [part({ type: 'input_file', file_id: 'file_1' }), 'not_supported', `${at}/file_id`],
    [part({ type: 'input_audio' }), 'not_supported', `${at}/type`],
    [{ text: { format: { type: 'json_schema' } } }, 'missing_field', 'text/format/schema'],
    [{ model: 'gpt-5' }, 'model_not_found', 'model'],
  ] as const) {
    const response = await ask(app, asked)
    t.equal(response.statusCode, code === 'model_not_found' ? 404 : 400, JSON.stringify(asked))
    t.match(response.json(), { error: { type: 'invalid_request_error', code, param, message: /./ } })
  }
  for (const method of ['GET', 'DELETE'] as const) {
    const nowhere = await app.inject({ method, url: '/v1/responses' })
    t.equal(nowhere.statusCode, 404)
    t.match(nowhere.json(), { error: { code: 'not_found' } })
  }
})

t.test('what changes nothing is taken', async (t) => {
  const { app, questions } = await listening(t)
  const accepted = {
    ...{ store: true, metadata: { a: 'b' }, user: 'somebody', parallel_tool_calls: true, truncation: 'auto' },
    ...{ reasoning: { effort: 'low' }, include: ['reasoning.encrypted_content'], background: false },
    ...{ tools, tool_choice: 'none', text: { verbosity: 'low' }, service_tier: 'auto', top_logprobs: 0 },
  }
  t.match((await ask(app, accepted)).json(), {
    object: 'response',
    status: 'completed',
    store: false,
    output: [{ type: 'message', content: [{ type: 'output_text', text: 'What colour?' }] }],
  })
  t.equal(questions[0]?.json, undefined)
  await ask(app, { text: { format: { type: 'text' } } })
  await ask(app, { text: { format: { type: 'json_object' } } })
  await ask(app, { text: { format: { type: 'json_schema', name: 'a', schema: parameters } } })
  t.same(
    questions.slice(1).map(({ json }) => json),
    [undefined, true, parameters],
  )
})

const usage = {
  input_tokens: 3,
  input_tokens_details: { cached_tokens: 1 },
  output_tokens: 2,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 5,
}

t.test('an answer is one message, and each of its events what it tells', async (t) => {
  const { app } = await listening(t)
  const part = (words: string) => ({ type: 'output_text', text: words, annotations: [], logprobs: [] })
  const whole = (await ask(app, { temperature: 0, instructions: 'Be brief.' })).json()
  t.match(whole, {
    id: /^resp_[0-9a-f]{32}$/,
    model: 'tiny.gguf',
    ...{ status: 'completed', error: null, incomplete_details: null, temperature: 0, usage },
    instructions: 'Be brief.',
  })
  t.same(whole.output[0].content, [part('Be brief.|What colour?')])

  const events = eventsOf(t, (await ask(app, { stream: true })).body)
  const id = idOf(events[2])
  t.match(id, /^msg_[0-9a-f]{32}$/)
  const at = { item_id: id, output_index: 0, content_index: 0 }
  const message = (content: object[], status: string) => ({
    ...{ id, type: 'message', status, role: 'assistant', content },
  })
  const response = { object: 'response', status: 'in_progress', output: [], usage: null }
  const done = message([part('What colour?')], 'completed')
  t.match(events, [
    { type: 'response.created', response },
    { type: 'response.in_progress', response },
    { type: 'response.output_item.added', output_index: 0, item: message([], 'in_progress') },
    { type: 'response.content_part.added', ...at, part: part('') },
    { type: 'response.output_text.delta', ...at, delta: 'What ' },
    { type: 'response.output_text.delta', ...at, delta: 'colour?' },
    { type: 'response.output_text.done', ...at, text: 'What colour?' },
    { type: 'response.content_part.done', ...at, part: part('What colour?') },
    { type: 'response.output_item.done', output_index: 0, item: done },
    { type: 'response.completed', response: { status: 'completed', output: [done], usage } },
  ])
  t.equal(events.length, 10)
})

t.test('a call is one item, and each of its events what it tells', async (t) => {
  const { app, questions } = await listening(t)
  const call = { type: 'function_call', name: 'tell' }
  const whole = (await ask(app, byName)).json().output
  t.match(whole, [{ ...call, id: /^fc_/, call_id: /^call_/, status: 'completed', arguments: 'What colour?' }])
  t.same(questions[0]?.json, parameters)
  const events = eventsOf(t, (await ask(app, { tools, tool_choice: 'required', stream: true })).body)
  const at = { item_id: idOf(events[2]), output_index: 0 }
  t.match(events.slice(2), [
    { type: 'response.output_item.added', item: { ...call, status: 'in_progress', arguments: '' } },
    { type: 'response.function_call_arguments.delta', ...at, delta: 'What ' },
    { type: 'response.function_call_arguments.delta', ...at, delta: 'colour?' },
    { type: 'response.function_call_arguments.done', ...at, arguments: 'What colour?' },
    { type: 'response.output_item.done', item: { ...call, status: 'completed', arguments: 'What colour?' } },
    { type: 'response.completed', response: { output: [{ ...call, arguments: 'What colour?' }] } },
  ])
  t.equal(events.length, 8)
})

t.test('an answer that was cut off is incomplete', async (t) => {
  const { app } = await listening(t, async ({ tell = () => {} }) => {
    tell({ type: 'queued', position: 0, secondsLeft: 0 })
    return { ...answerOf('{"col'), finishReason: 'length' }
  })
  for (const asked of [{}, byName]) {
    const cut = {
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    }
    t.match((await ask(app, asked)).json(), cut)
    const last = eventsOf(t, (await ask(app, { ...asked, stream: true })).body).at(-1)
    t.match(last, { type: 'response.incomplete', response: cut })
  }
})

t.test('a failure in mid-stream is told in both ways that their clients listen for', async (t) => {
  const { app } = await listening(t, async ({ tell = () => {} }) => {
    tell({ type: 'queued', position: 0, secondsLeft: 0 })
    tell({ type: 'picture', done: 1, total: 2, secondsLeft: 3 })
    throw failure('invalid_json_schema', { field: 'json_schema', reason: 'it is odd' })
  })
  const { body } = await ask(app, { stream: true })
  t.match(body, /: picture: 1 of 2 layers, 3 s left\n\n/)
  const error = { code: 'invalid_json_schema', param: 'text/format/schema', message: /^Field text.format/ }
  t.match(eventsOf(t, body.replace(/: picture.*\n\n/, '')).slice(-2), [
    { type: 'response.failed', response: { status: 'failed', error } },
    { type: 'error', error },
  ])
  t.match((await ask(app, { ...byName })).json(), { error: { param: 'tools/0/parameters' } })
})
