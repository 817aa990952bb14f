/** The MCP door without an engine: what it makes of messages, in JSON and in events, and what it does not take. */
import { pino } from 'pino'
import t from 'tap'
import type { App } from '../../src/app.ts'
import { failure } from '../../src/errors.ts'
import type { Inference } from '../../src/inference/infer.ts'
import type { Question } from '../../src/inference/question.ts'
import { answerOf, echo, testApp } from '../support/app.ts'

const both = 'application/json, text/event-stream'

const post = (app: App, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/mcp',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  })

const rpc = (method: string, params?: object, id: number | string = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  ...(params && { params }),
})

const call = (given: object, more: object = {}) =>
  rpc('tools/call', { name: 'look', arguments: given, ...more })

const asked = { picture: 'data:image/png;base64,AAAA', question: 'What colour is it?' }

const messagesOf = (body: string) =>
  body
    .split('\n\n')
    .map((event) => /^event: message\ndata: (.*)$/.exec(event)?.[1])
    .flatMap((data) => (data === undefined ? [] : [JSON.parse(data)]))

const hello = (protocolVersion: string) =>
  rpc('initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 'a', version: '1' } })

t.test('a client is greeted in its version of the protocol, and told of one tool', async (t) => {
  const app = await testApp(t)
  for (const version of ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']) {
    const { headers, body } = await post(app, hello(version))
    t.match(JSON.parse(body).result, {
      protocolVersion: version,
      serverInfo: { name: 'llama-vision', version: '1.2.3' },
      capabilities: { tools: {} },
      instructions: /vision model/,
    })
    t.match(headers['mcp-session-id'], /^[0-9a-f-]{36}$/)
  }
  t.equal(JSON.parse((await post(app, hello('1999-01-01'))).body).result.protocolVersion, '2025-11-25')
  const [tool, ...more] = (await post(app, rpc('tools/list'))).json().result.tools
  t.same(more, [])
  t.match(tool, {
    name: 'look',
    inputSchema: { type: 'object', required: ['picture', 'question'] },
    annotations: { readOnlyHint: true },
  })
  const pinged = await post(app, rpc('ping'))
  t.same(pinged.json(), { jsonrpc: '2.0', id: 1, result: {} })
  t.equal(pinged.headers['mcp-session-id'], undefined, 'only a greeting begins something')
})

t.test('a call becomes a question with its pictures first', async (t) => {
  const questions: Question[] = []
  const app = await testApp(t, {
    infer: (call) => {
      questions.push(call.question)
      t.equal(call.door, 'mcp')
      return echo(call)
    },
  })
  const { headers, body } = await post(app, call(asked))
  t.match(headers['content-type'], /^application\/json/)
  t.same(JSON.parse(body).result, { content: [{ type: 'text', text: 'What colour is it?' }] })
  await post(app, call({ picture: ['AAAA', 'BBBB'], question: 'Which?' }))
  t.match(questions, [
    {
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'image', image: 'data:image/png;base64,AAAA', field: 'picture' },
            { type: 'text', text: 'What colour is it?', field: 'question' },
          ],
        },
      ],
      sampling: { temperature: 0, max_tokens: 1024 },
    },
    { messages: [{ parts: [{ image: 'AAAA', field: 'picture/0' }, { field: 'picture/1' }, {}] }] },
  ])
  const small = await testApp(
    t,
    {
      infer: (call) => {
        questions.push(call.question)
        return echo(call)
      },
    },
    { CONTEXT_SIZE: '300' },
  )
  await post(small, call(asked))
  t.equal(questions.at(-1)?.sampling.max_tokens, 300)
})

t.test('progress is told in events to who gave a token for it, in rising numbers', async (t) => {
  const app = await testApp(t)
  const { headers, body } = await post(app, call(asked, { _meta: { progressToken: 'p' } }), { accept: both })
  t.equal(headers['content-type'], 'text/event-stream')
  t.ok(headers['content-security-policy'], 'the headers of every answer')
  const messages = messagesOf(body)
  const told = messages
    .filter(({ method }) => method === 'notifications/progress')
    .map(({ params }) => params)
  t.same(
    told.map(({ progress }) => progress),
    told.map((_, index) => index + 1),
  )
  t.match(told, [
    { progressToken: 'p', message: 'The service takes the question' },
    { message: '1 of 1 pictures prepared' },
    { message: /reading the question/ },
    { message: 'Writing the answer, token 1' },
  ])
  t.match(messages.at(-1), { id: 1, result: { content: [{ text: 'What colour is it?' }] } })
  const silent = await post(app, call(asked), { accept: both })
  t.equal(messagesOf(silent.body).length, 1, 'nothing but the answer to others')
  const plain = await post(app, call(asked, { _meta: { progressToken: 1 } }))
  t.match(plain.json(), { id: 1, result: {} }, 'and in JSON there is no room for it')
})

t.test('what goes wrong with a question is a result that the model can read', async (t) => {
  const infer: Inference['infer'] = async ({ question }) => {
    const [{ parts } = { parts: [] }] = question.messages
    if (parts.length === 2) throw failure('not_an_image', { field: 'picture', expected: 'a PNG' })
    throw failure('queue_full', { actual: 1, limit: 1 }, { retryAfterSeconds: 7 })
  }
  const app = await testApp(t, { infer })
  const refusal = async (given: object) => {
    const { result } = (await post(app, call(given))).json()
    t.equal(result.isError, true)
    return result.content[0].text
  }
  t.equal(await refusal(asked), 'Field picture does not hold a picture; send a PNG')
  t.match(await refusal({ ...asked, picture: ['a', 'b'] }), /is busy.*Try again in 7 s$/)
  t.equal(await refusal({ picture: 'AAAA' }), 'Missing required field: question')
  t.equal(await refusal({ question: 'a' }), 'Missing required field: picture')
  t.equal(await refusal({ ...asked, picture: [] }), 'Missing required field: picture')
  t.match(await refusal({ ...asked, picture: 5 }), /Field picture must be .*, got a number/)
  t.match(await refusal({ ...asked, picture: ['a', {}] }), /Field picture\/1 must be a text, got an object/)
  t.match(await refusal({ ...asked, question: ['a'] }), /Field question must be a text, got a list/)
  t.equal(await refusal({ ...asked, question: ' ' }), 'Field question must not be empty')
  t.equal(await refusal({}), 'Missing required field: question')
})

t.test('a fault of ours is told without what caused it, which is in the log', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const app = await testApp(t, { log, infer: () => Promise.reject(new Error('secret')) })
  const { result } = (await post(app, call(asked))).json()
  t.same(result, { isError: true, content: [{ type: 'text', text: 'An internal error occurred' }] })
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { level: 50, code: 'internal_error', err: { message: 'secret' } },
      { status: 200, code: 'internal_error', msg: 'request' },
    ],
  )
})

t.test('an answer that was cut off says so', async (t) => {
  const app = await testApp(t, { infer: async () => ({ ...answerOf('It is'), finishReason: 'length' }) })
  const { result } = (await post(app, call(asked))).json()
  t.match(result.content, [{ text: 'It is' }, { text: /cut off/ }])
})

t.test('what is no question is an error of the protocol', async (t) => {
  const app = await testApp(t)
  const error = async (payload: unknown, headers = {}) => {
    const { statusCode, body } = await post(app, payload, headers)
    const { jsonrpc, id, error } = JSON.parse(body)
    t.equal(jsonrpc, '2.0')
    return { status: statusCode, id, code: error.code, message: error.message }
  }
  t.match(await error(rpc('prompts/list')), { status: 200, id: 1, code: -32601 })
  t.match(await error(rpc('tools/call', { name: 'rm', arguments: {} })), { status: 200, id: 1, code: -32602 })
  t.match(await error(rpc('tools/call', { name: 5 })), { status: 200, id: 1, code: -32603 })
  t.match(await error('{'), { status: 400, id: null, code: -32700 })
  t.match(await error([rpc('ping'), rpc('ping', {}, 2)]), {
    status: 400,
    id: null,
    code: -32600,
    message: /one message/,
  })
  t.match(await error([]), { status: 400, code: -32600 })
  for (const broken of [
    '"a"',
    '5',
    'null',
    {},
    { jsonrpc: '1.0', id: 1, method: 'ping' },
    rpc('ping', {}, 1.5),
  ])
    t.match(await error(broken), { status: 400, code: -32600, message: /JSON-RPC 2.0/ })
  t.match(await error(rpc('ping', {}, 'a'.repeat(201))), { status: 400, message: /id is longer than 200/ })
  t.match(await error(rpc('ping', { _meta: { progressToken: 'a'.repeat(201) } })), {
    status: 400,
    message: /progressToken is longer/,
  })
  t.match(await error(rpc('ping'), { 'mcp-protocol-version': '1999-01-01' }), {
    status: 400,
    message: /MCP-Protocol-Version may be 2025-11-25/,
  })
  t.match(await error(`${'['.repeat(101)}${']'.repeat(101)}`), { status: 400, message: /too many levels/ })
  t.match(await error('a=b', { 'content-type': 'text/plain' }), { status: 415, code: -32000 })
  t.match(await error(''), { status: 400, code: -32600 })
  t.equal((await post(app, rpc('ping', {}, 'a'.repeat(200)))).json().id.length, 200)
  t.same((await post(app, rpc('ping', {}, Number.MAX_SAFE_INTEGER))).json().result, {})
})

t.test('messages that want no answer get none', async (t) => {
  const app = await testApp(t)
  for (const message of [
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 5 } },
    { jsonrpc: '2.0', method: 'notifications/cancelled', params: {} },
    { jsonrpc: '2.0', id: 1, result: {} },
  ]) {
    const { statusCode, body } = await post(app, message, { accept: both })
    t.same([statusCode, body], [202, ''])
  }
})

t.test('there is no stream to open and no session to end', async (t) => {
  const app = await testApp(t)
  for (const method of ['GET', 'DELETE'] as const) {
    const { statusCode, headers, body } = await app.inject({ method, url: '/mcp', headers: { accept: both } })
    t.same([statusCode, headers.allow], [405, 'POST'])
    t.match(JSON.parse(body).error, { message: `${method} is not answered here; send POST` })
  }
})

t.test('the guards of every door stand here too', async (t) => {
  const app = await testApp(t, {}, { API_KEYS: 'secret', RATE_LIMIT: '2' })
  const key = { authorization: 'Bearer secret' }
  t.match((await post(app, rpc('ping'))).json().error, {
    message: /API key is needed/,
    data: { code: 'unauthorized' },
  })
  t.equal((await post(app, rpc('ping'), { ...key, origin: 'http://evil.example' })).statusCode, 403)
  t.equal((await post(app, rpc('ping'), { ...key, host: 'evil.example' })).statusCode, 421)
  t.equal((await post(app, rpc('ping'), key)).statusCode, 200)
  t.equal((await post(app, rpc('ping'), key)).statusCode, 200)
  const refused = await post(app, rpc('ping'), key)
  t.match([refused.statusCode, refused.json().error.data.code], [429, 'rate_limited'])
  t.ok(Number(refused.headers['retry-after']) >= 1)
})

t.test('a full house greets, but reads no pictures', async (t) => {
  const full = () => {
    throw failure('queue_full', { actual: 1, limit: 1 }, { retryAfterSeconds: 3 })
  }
  const app = await testApp(t, { requireRoom: full, infer: async () => full() })
  t.equal((await post(app, hello('2025-06-18'))).statusCode, 200)
  t.match((await post(app, call(asked))).json().result, { isError: true, content: [{ text: /is busy/ }] })
  const large = await post(app, call({ ...asked, picture: 'A'.repeat(70_000) }))
  t.match([large.statusCode, large.headers['retry-after']], [429, '3'])
  t.match(large.json(), { jsonrpc: '2.0', id: null, error: { message: /is busy/ } })
})
