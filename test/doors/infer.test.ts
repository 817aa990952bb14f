import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { App } from '../../src/app.ts'
import { failure } from '../../src/errors.ts'
import type { ErrorResponse } from '../../src/http/error-response.ts'
import { type echo, testApp } from '../support/app.ts'
import { until } from '../support/until.ts'

const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/
const valid = { prompt: 'What is this?', image: 'AAAA' }

const post = (app: App, payload: unknown, headers: Record<string, string> = {}) =>
  app.inject({
    method: 'POST',
    url: '/infer',
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { 'content-type': 'application/json', ...headers },
  })

function checkError(
  t: Test,
  body: ErrorResponse,
  code: string,
  type: string,
  sentence: RegExp | string,
): void {
  t.match(body, {
    success: false,
    error: sentence,
    error_type: type,
    details: { code, request_id: /^[\w.:-]+$/ },
  })
  t.match(body.timestamp, timestampPattern)
  t.strictSame(Object.keys(body), ['success', 'error', 'error_type', 'timestamp', 'details'])
}

t.test('defaults are filled in, and what the service does not know is named', async (t) => {
  const app = await testApp(t)
  const response = await post(app, { ...valid, style: 'short', mood: 'good' }, { 'x-request-id': 'abc-1' })
  t.equal(response.statusCode, 200)
  t.equal(response.headers['x-request-id'], 'abc-1')
  t.match(response.json(), {
    success: true,
    error: null,
    metadata: {
      max_tokens: 256,
      temperature: 0.7,
      top_p: 0.95,
      image_detail: 'auto',
      ignored_fields: ['style', 'mood'],
      request_id: 'abc-1',
    },
  })
})

t.test('a request id that could forge log lines is replaced', async (t) => {
  const app = await testApp(t)
  const response = await post(app, valid, { 'x-request-id': 'a b\tc' })
  t.match(response.headers['x-request-id'], /^[0-9a-f-]{36}$/)
})

t.test('each wrong field has its own sentence', async (t) => {
  const app = await testApp(t)
  const faults: [Record<string, unknown>, string, string, string][] = [
    [{ image: 'AAAA' }, 'missing_field', 'prompt', 'Missing required field: prompt'],
    [{ prompt: 'a' }, 'missing_field', 'image', 'Missing required field: image'],
    [{ ...valid, prompt: 7 }, 'wrong_type', 'prompt', 'Field prompt must be a text, got 7'],
    [{ ...valid, prompt: null }, 'wrong_type', 'prompt', 'Field prompt must be a text, got null'],
    [{ ...valid, prompt: ['a'] }, 'wrong_type', 'prompt', 'Field prompt must be a text, got a list'],
    [{ ...valid, image: { url: 'x' } }, 'wrong_type', 'image', 'Field image must be a text, got an object'],
    [{ ...valid, max_tokens: 0 }, 'out_of_range', 'max_tokens', 'Field max_tokens must be at least 1, got 0'],
    [
      { ...valid, max_tokens: -1 },
      'out_of_range',
      'max_tokens',
      'Field max_tokens must be at least 1, got -1',
    ],
    [
      { ...valid, max_tokens: 1.5 },
      'wrong_type',
      'max_tokens',
      'Field max_tokens must be a whole number, got 1.5',
    ],
    [
      { ...valid, max_tokens: '256' },
      'wrong_type',
      'max_tokens',
      'Field max_tokens must be a whole number, got the text "256"',
    ],
    [
      { ...valid, max_tokens: 2 ** 40 },
      'out_of_range',
      'max_tokens',
      'Field max_tokens must be at most 2048, got 1099511627776',
    ],
    [
      { ...valid, temperature: 3 },
      'out_of_range',
      'temperature',
      'Field temperature must be at most 2, got 3',
    ],
    [
      { ...valid, temperature: null },
      'wrong_type',
      'temperature',
      'Field temperature must be a number, got null',
    ],
    [{ ...valid, top_p: 0 }, 'out_of_range', 'top_p', 'Field top_p must be greater than 0, got 0'],
    [{ ...valid, top_p: 2 }, 'out_of_range', 'top_p', 'Field top_p must be at most 1, got 2'],
    [
      { ...valid, image_detail: 'medium' },
      'unknown_choice',
      'image_detail',
      'Field image_detail must be one of auto, low, high, got the text "medium"',
    ],
    [{ ...valid, top_p: true }, 'wrong_type', 'top_p', 'Field top_p must be a number, got a boolean'],
  ]
  for (const [payload, code, field, sentence] of faults) {
    const response = await post(app, payload)
    t.equal(response.statusCode, 400, sentence)
    checkError(t, response.json(), code, 'validation', sentence)
    t.equal(response.json().details.field, field)
  }
  const range = (await post(app, { ...valid, max_tokens: 5000 })).json()
  t.match(range.details, { limit: 2048, actual: 5000 })
})

t.test('bodies that are no request are refused in the documented shape', async (t) => {
  const app = await testApp(t, {}, { MAX_BODY_MIB: '1' })
  const json = { 'content-type': 'application/json' }
  const faults: [string, Record<string, string>, number, string, RegExp][] = [
    ['{"prompt": "a", "temperature": NaN}', json, 400, 'invalid_json', /not valid JSON/],
    ['{', json, 400, 'invalid_json', /not valid JSON/],
    ['', json, 400, 'missing_body', /body is empty/],
    ['[1]', json, 400, 'body_not_object', /must be a JSON object.*got a list/],
    ['"text"', json, 400, 'body_not_object', /got a text/],
    ['{"__proto__": {"prompt": "a"}, "image": "AAAA"}', json, 400, 'missing_field', /field: prompt/],
    [
      'prompt=a',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      'unsupported_media_type',
      /must be application\/json, .* got application\/x-www-form-urlencoded/,
    ],
    ['hello', { 'content-type': 'text/plain' }, 415, 'unsupported_media_type', /got text\/plain/],
    [`{"prompt": "${'a'.repeat(1024 ** 2)}"}`, json, 413, 'body_too_large', /at most 1048576 bytes/],
  ]
  for (const [payload, headers, status, code, sentence] of faults) {
    const response = await app.inject({ method: 'POST', url: '/infer', payload, headers })
    t.equal(response.statusCode, status, code)
    checkError(t, response.json(), code, 'validation', sentence)
  }
  const none = await app.inject({ method: 'POST', url: '/infer' })
  t.equal(none.statusCode, 400)
  checkError(t, none.json(), 'missing_body', 'validation', /body is empty/)
})

t.test('unknown routes and methods are told what there is', async (t) => {
  const app = await testApp(t)
  for (const [method, url] of [
    ['GET', '/infer'],
    ['POST', '/health'],
    ['GET', '/nowhere'],
    ['GET', '/%zz'],
  ] as const) {
    const response = await app.inject({ method, url })
    t.ok(response.statusCode === 404 || response.statusCode === 400, `${method} ${url}`)
    const code = response.statusCode === 404 ? 'not_found' : 'bad_request'
    checkError(t, response.json(), code, 'validation', /./)
  }
})

t.test('failures carry their status, their facts and when to come back', async (t) => {
  const failures = [
    failure('queue_full', { limit: 8, actual: 8 }, { retryAfterSeconds: 11.2 }),
    failure('engine_loading', { reason: 'it is loading' }, { retryAfterSeconds: 5 }),
    failure('engine_crashed', {}, { cause: new Error('ECONNRESET /tmp/secret.sock') }),
    failure('deadline_exceeded', { limit: 600 }),
    failure('context_exceeded', { field: 'prompt', actual: 3000, limit: 2048 }),
  ]
  const expected: [number, string, string | undefined][] = [
    [429, 'system', '12'],
    [503, 'model', '5'],
    [500, 'model', undefined],
    [504, 'system', undefined],
    [400, 'validation', undefined],
  ]
  for (const [index, thrown] of failures.entries()) {
    const app = await testApp(t, { infer: () => Promise.reject(thrown) })
    const response = await post(app, valid)
    const [status, type, retryAfter] = expected[index] ?? []
    t.equal(response.statusCode, status)
    t.equal(response.headers['retry-after'], retryAfter)
    checkError(t, response.json(), thrown.code, type ?? '', thrown.message)
    t.match(response.json().details, thrown.facts)
    t.notMatch(response.body, /secret/)
  }
})

t.test('what nobody expected is an internal error that tells nothing', async (t) => {
  const app = await testApp(t, { infer: () => Promise.reject(new TypeError('cannot read /etc/secret')) })
  const response = await post(app, valid)
  t.equal(response.statusCode, 500)
  checkError(t, response.json(), 'internal_error', 'system', 'An internal error occurred')
  t.notMatch(response.body, /secret/)
})

t.test('a service that shuts down takes no more requests, but tells its health', async (t) => {
  const app = await testApp(t, { draining: () => true })
  const response = await post(app, valid)
  t.equal(response.statusCode, 503)
  t.equal(response.headers['retry-after'], '5')
  checkError(t, response.json(), 'shutting_down', 'system', /shutting down/)
  t.equal((await app.inject('/livez')).statusCode, 200)
})

/** An inference that works until its signal fires, and tells why it did. */
function endless() {
  const reasons: unknown[] = []
  let asked = 0
  const infer: typeof echo = async ({ signal }) => {
    asked += 1
    await sleep(60_000, undefined, { signal }).catch(() => {})
    reasons.push(signal.reason)
    throw signal.reason
  }
  return { infer, reasons, untilAsked: () => until(() => asked > 0, 'the question') }
}

t.test('a client that goes away stops its request', async (t) => {
  const { infer, reasons, untilAsked } = endless()
  const app = await testApp(t, { infer })
  await app.listen({ port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port)
  const body = JSON.stringify(valid)
  socket.write(
    `POST /infer HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await untilAsked()
  socket.end()
  await until(() => reasons.length > 0, 'the end of the work')
  t.match(reasons, [{ code: 'client_gone' }], 'half-closing is leaving')
})

t.test('a request has a deadline of its own', async (t) => {
  const { infer } = endless()
  const app = await testApp(t, { infer }, { REQUEST_TIMEOUT: '1' })
  const response = await post(app, valid)
  t.equal(response.statusCode, 504)
  checkError(t, response.json(), 'deadline_exceeded', 'system', /longer than 1 seconds/)
})

t.test('giving up on requests answers them', async (t) => {
  const { infer, untilAsked } = endless()
  const shutdown = new AbortController()
  const app = await testApp(t, { infer, shutdown: shutdown.signal })
  const running = post(app, valid)
  await untilAsked()
  shutdown.abort(failure('shutting_down', {}, { retryAfterSeconds: 5 }))
  t.equal((await running).statusCode, 503)
})

t.test('bytes that are no HTTP get the documented body too', async (t) => {
  const app = await testApp(t)
  await app.listen({ port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port)
  socket.write('NONSENSE\r\n\r\n')
  let answer = ''
  socket.on('data', (bytes) => {
    answer += bytes
  })
  await once(socket, 'close')
  t.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
  checkError(
    t,
    JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))),
    'bad_request',
    'validation',
    /could not be understood/,
  )
})
