/** Anthropic's messages: what is refused, and each event of an answer, as their clients read them. */
import t from 'tap'
import type { App } from '../../src/app.ts'
import { failure } from '../../src/errors.ts'
import { answerOf, listening, testApp } from '../support/app.ts'

const messages = [{ role: 'user' as const, content: '{"colour": "red"}' }]
const input_schema = { type: 'object', properties: { colour: { type: 'string' } } }
const tools = [{ name: 'tell', input_schema }]
const byName = { tools, tool_choice: { type: 'tool', name: 'tell' } }

const ask = (app: App, payload: object, url = '/v1/messages') =>
  app.inject({ method: 'POST', url, payload: { messages, ...payload } })

function eventsOf(t: Parameters<typeof testApp>[0], body: string): Record<string, unknown>[] {
  const events = body.split('\n\n').slice(0, -1)
  return events
    .filter((event) => !event.startsWith(':'))
    .map((event) => {
      const [, name, data = ''] = /^event: (\S+)\ndata: (.*)$/.exec(event) ?? []
      t.equal(JSON.parse(data).type, name)
      return JSON.parse(data)
    })
}

t.test('what is not served, and what is missing, is refused in their words', async (t) => {
  const { app } = await listening(t)
  const block = (given: object) => ({ messages: [{ role: 'user', content: [given] }] })
  const from = (source: object, type = 'image') => block({ type, source })
  for (const [asked, sentence] of [
    [{ tools }, /Calling tools freely is not offered/],
    [{ tools, tool_choice: { type: 'auto' } }, /Calling tools freely/],
    [{ tools: [...tools, ...tools], tool_choice: { type: 'any' } }, /Choosing among several tools/],
    [{ tools: [{ name: 'web_search' }], tool_choice: { type: 'any' } }, /A tool that the service runs/],
    [
      { tools, tool_choice: { type: 'tool', name: 'b' } },
      /Field tool_choice.name must be one of tell, got b/,
    ],
    [{ tools, tool_choice: { type: 'tool' } }, /Missing .*: tool_choice.name/],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, /thinking is not offered/],
    [
      { output_config: { format: { type: 'xml' } } },
      /output_config.format.type must be json_schema, got xml/,
    ],
    [{ output_config: { format: { type: 'json_schema' } } }, /Missing .*: output_config.format.schema/],
    [{ messages: [{ role: 'user', content: ' ' }] }, /Field messages.0.content must not be empty/],
    [{ messages: [{ role: 'robot', content: 'a' }] }, /must be one of user, assistant, system/],
    [block({ type: 'text' }), /Missing .*: messages.0.content.0.text/],
    [block({ type: 'image' }), /Missing .*: messages.0.content.0.source/],
    [block({ type: 'search_result' }), /A block of type search_result is not offered/],
    [from({ type: 'base64' }), /Missing .*: messages.0.content.0.source.data/],
    [from({ type: 'url' }), /Missing .*: messages.0.content.0.source.url/],
    [from({ type: 'file', file_id: 'file_1' }), /A source of type file is not offered/],
    [from({ type: 'text', data: 'a' }), /A source of type text is not offered/],
    [from({ type: 'content' }, 'document'), /A source of type content is not offered/],
    [{ temperature: 2 }, /temperature must be at most 1/],
  ] as const) {
    for (const url of ['/v1/messages', '/v1/messages/count_tokens']) {
      if (url.endsWith('tokens') && 'temperature' in asked) continue
      const response = await ask(app, asked, url)
      t.equal(response.statusCode, 400, JSON.stringify(asked))
      t.match(response.json(), {
        type: 'error',
        error: { type: 'invalid_request_error', message: sentence },
        request_id: response.headers['request-id'],
      })
    }
  }
  for (const url of ['/v1/messages/batches', '/v1/messages/batches/a/results'])
    t.match((await app.inject(url)).json(), {
      type: 'error',
      error: { message: /is not offered: nothing is/ },
    })
  for (const url of ['/v1/messages', '/v1/messages/nothing']) {
    const nowhere = await app.inject(url)
    t.equal(nowhere.statusCode, 404)
    t.match(nowhere.json(), { type: 'error', error: { type: 'not_found_error' } })
  }
})

t.test('each kind of failure has the type that their clients tell apart', async (t) => {
  for (const [code, type] of [
    ['model_not_found', 'not_found_error'],
    ['body_too_large', 'request_too_large'],
    ['queue_full', 'rate_limit_error'],
    ['poison_request', 'invalid_request_error'],
    ['engine_crashed', 'api_error'],
    ['engine_loading', 'overloaded_error'],
    ['queue_timeout', 'rate_limit_error'],
    ['deadline_exceeded', 'timeout_error'],
    ['origin_not_allowed', 'permission_error'],
  ] as const) {
    const { app } = await listening(t, () => Promise.reject(failure(code)))
    t.match((await ask(app, {})).json(), { type: 'error', error: { type, message: failure(code).message } })
  }
})

t.test('the key may stand in either header', async (t) => {
  const app = await testApp(t, {}, { API_KEYS: 'first-key,second-key' })
  const status = async (headers: Record<string, string>) => {
    const response = await app.inject({ method: 'POST', url: '/v1/messages', headers, payload: { messages } })
    if (response.statusCode === 401)
      t.match(response.json(), { type: 'error', error: { type: 'authentication_error' } })
    return response.statusCode
  }
  t.equal(await status({ 'x-api-key': 'second-key' }), 200)
  t.equal(await status({ authorization: 'Bearer first-key' }), 200)
  for (const wrong of ['', 'third-key', 'first-key, second-key', 'Bearer first-key'])
    t.equal(await status({ 'x-api-key': wrong }), 401, wrong)
  t.equal(await status({ 'x-api-key': 'first-key', authorization: 'Bearer wrong' }), 401)
})

const usage = (more = {}) => ({
  ...{ input_tokens: 2, cache_creation_input_tokens: 0, cache_read_input_tokens: 1, output_tokens: 2 },
  ...more,
})

t.test('an answer is one block of text, and each of its events what it tells', async (t) => {
  const { app } = await listening(t)
  const response = await ask(app, {})
  const { id, ...whole } = response.json()
  t.match(id, /^msg_[0-9a-f]{32}$/)
  t.same(whole, {
    ...{
      type: 'message',
      role: 'assistant',
      model: 'tiny.gguf',
      stop_reason: 'end_turn',
      stop_sequence: null,
    },
    content: [{ type: 'text', text: '{"colour": "red"}', citations: null }],
    usage: usage(),
  })
  const events = eventsOf(t, (await ask(app, { stream: true })).body)
  const delta = (words: string) => ({ index: 0, delta: { type: 'text_delta', text: words } })
  t.match(events, [
    {
      type: 'message_start',
      message: { content: [], stop_reason: null, usage: usage({ output_tokens: 0 }) },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', ...delta('{"colour": ') },
    { type: 'content_block_delta', ...delta('"red"}') },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: usage() },
    { type: 'message_stop' },
  ])
  t.equal(events.length, 7)
})

t.test('a tool that is called is one block, and each of its events what it tells', async (t) => {
  const { app, questions } = await listening(t)
  const block = { type: 'tool_use', id: /^toolu_[0-9a-f]{32}$/, name: 'tell' }
  for (const choice of [byName, { tools, tool_choice: { type: 'any' } }]) {
    const whole = (await ask(app, choice)).json()
    t.match(whole, { content: [{ ...block, input: { colour: 'red' } }], stop_reason: 'tool_use' })
  }
  t.same(questions[0]?.json, input_schema)
  const events = eventsOf(t, (await ask(app, { ...byName, stream: true })).body)
  const delta = (partial_json: string) => ({ delta: { type: 'input_json_delta', partial_json } })
  t.match(events[1], { type: 'content_block_start', content_block: { ...block, input: {} } })
  t.match(events.slice(2, 4), [delta('{"colour": '), delta('"red"}')])
  t.match(events.at(-2), { delta: { stop_reason: 'tool_use' } })
  const none = { tools, tool_choice: { type: 'none' } }
  t.match((await ask(app, none)).json(), { content: [{ type: 'text' }], stop_reason: 'end_turn' })
})

t.test('an answer that was cut off says so, and a call then has no input', async (t) => {
  const { app } = await listening(t, async () => ({ ...answerOf('{"col'), finishReason: 'length' }))
  t.match((await ask(app, {})).json(), { content: [{ text: '{"col' }], stop_reason: 'max_tokens' })
  const cut = (await ask(app, byName)).json()
  t.match(cut, { stop_reason: 'max_tokens' })
  t.same(cut.content[0].input, {})
  const events = eventsOf(t, (await ask(app, { stream: true })).body)
  t.match(events[0], { message: { usage: usage({ output_tokens: 0 }) } }, 'told at the end, if not before')
  t.match(events.at(-2), { delta: { stop_reason: 'max_tokens' } })
})

t.test('a failure in mid-stream is an event of its own', async (t) => {
  const { app } = await listening(t, async ({ tell = () => {} }) => {
    tell({ type: 'queued', position: 0, secondsLeft: 0 })
    tell({ type: 'picture', done: 1, total: 2, secondsLeft: 3 })
    tell({ type: 'token', text: 'half' })
    throw failure('invalid_json_schema', { field: 'json_schema', reason: 'it is odd' })
  })
  const { body } = await ask(app, { stream: true })
  t.match(body, /^: picture: 1 of 2 layers, 3 s left\n\n/)
  const events = eventsOf(t, body)
  t.match(events.at(-1), {
    type: 'error',
    error: { type: 'invalid_request_error', message: /output_config/ },
  })
  t.match((await ask(app, byName)).json(), { error: { message: /^Field tools.0.input_schema is no JSON/ } })
})

t.test('tokens are counted without an answer', async (t) => {
  const { app, questions } = await listening(t, () => Promise.reject(new Error('asked')))
  t.same((await ask(app, byName, '/v1/messages/count_tokens')).json(), { input_tokens: 7 })
  t.same(questions[0]?.json, input_schema)
})
