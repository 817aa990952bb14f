/** Forms, bare pictures, streams and dry runs of `/infer`; who may ask at all; the pages. */
import { Readable } from 'node:stream'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { App } from '../../src/app.ts'
import { failure } from '../../src/errors.ts'
import type { Call } from '../../src/inference/infer.ts'
import { answerOf, echo, somePicture, testApp } from '../support/app.ts'

type Test = Parameters<typeof testApp>[0]

async function listening(t: Test, env: Record<string, string> = {}) {
  const calls: Call[] = []
  const app = await testApp(
    t,
    {
      infer: (call) => {
        calls.push(call)
        return echo(call)
      },
    },
    env,
  )
  return { app, calls }
}

function form(fields: [name: string, value: string | Blob][]): FormData {
  const made = new FormData()
  for (const [name, value] of fields) {
    if (typeof value === 'string') made.append(name, value)
    else made.append(name, value, 'photo.jpg')
  }
  return made
}

/** As a browser or curl sends it. */
async function submit(app: App, fields: [name: string, value: string | Blob][]) {
  const request = new Request('http://a/infer', { method: 'POST', body: form(fields) })
  return app.inject({
    method: 'POST',
    url: '/infer',
    payload: Buffer.from(await request.arrayBuffer()),
    headers: { 'content-type': request.headers.get('content-type') ?? '' },
  })
}

const photo = new Blob(['bytes of a photo'])

t.test('a form is a request, its texts become what the schema says', async (t) => {
  const { app, calls } = await listening(t)
  const response = await submit(app, [
    ['prompt', 'What is this?'],
    ['image', photo],
    ['max_tokens', '7'],
    ['temperature', '0.5'],
    ['stop', 'a'],
    ['stop', 'b'],
    ['json_schema', '{"type":"string"}'],
    ['mood', 'good'],
  ])
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    response_text: 'What is this?',
    metadata: { max_tokens: 7, temperature: 0.5, top_p: 0.95, ignored_fields: ['mood'] },
  })
  t.match(calls[0]?.question, {
    messages: [
      { parts: [{ type: 'image', image: Buffer.from('bytes of a photo') }, { text: 'What is this?' }] },
    ],
    sampling: { stop: ['a', 'b'] },
    json: { type: 'string' },
  })
  await submit(app, [
    ['prompt', 'a'],
    ['image', photo],
    ['image', photo],
  ])
  t.equal(calls[1]?.question.messages[0]?.parts.length, 3, 'two pictures and the prompt')
})

t.test('a faulty form is told what was wrong', async (t) => {
  const { app } = await listening(t, { MAX_IMAGES: '1', MAX_BODY_MIB: '1' })
  const faults: [[string, string | Blob][], number, string][] = [
    [[['image', photo]], 400, 'missing_field'],
    [[['prompt', 'a']], 400, 'missing_field'],
    [
      [
        ['prompt', 'a'],
        ['file', photo],
      ],
      400,
      'unexpected_file',
    ],
    [
      [
        ['prompt', 'a'],
        ['image', photo],
        ['max_tokens', 'many'],
      ],
      400,
      'wrong_type',
    ],
    [
      [
        ['prompt', 'a'],
        ['image', photo],
        ['json_schema', '{'],
      ],
      400,
      'invalid_json_schema',
    ],
    [
      [
        ['prompt', 'a'],
        ['image', new Blob([Buffer.alloc(1024 ** 2 + 1)])],
      ],
      413,
      'body_too_large',
    ],
  ]
  for (const [fields, status, code] of faults) {
    const response = await submit(app, fields)
    t.equal(response.statusCode, status, code)
    t.match(response.json(), { success: false, details: { code } })
  }
})

t.test('a form that does not say its length is bounded all the same, texts too', async (t) => {
  const { app } = await listening(t, { MAX_BODY_MIB: '1' })
  const half = 'a'.repeat(600_000)
  const forms: [string, string | Blob][][] = [
    [
      ['prompt', half],
      ['system', half],
    ],
    [
      ['prompt', half.repeat(2)],
      ['image', photo],
    ],
    [
      ['prompt', half],
      ['image', new Blob([half])],
    ],
  ]
  for (const fields of forms) {
    const request = new Request('http://a/infer', { method: 'POST', body: form(fields) })
    const response = await app.inject({
      method: 'POST',
      url: '/infer',
      payload: Readable.from([Buffer.from(await request.arrayBuffer())]),
      headers: { 'content-type': request.headers.get('content-type') ?? '' },
    })
    t.equal(response.statusCode, 413)
    t.match(response.json(), { details: { code: 'body_too_large', limit: 1024 ** 2 } })
  }
})

t.test('a bare picture has its fields in the query', async (t) => {
  const { app, calls } = await listening(t)
  const payload = Buffer.from('bytes of a photo')
  const send = (query: string) =>
    app.inject({ method: 'POST', url: `/infer?${query}`, payload, headers: { 'content-type': 'image/jpeg' } })
  t.match((await send('prompt=This%3F&max_tokens=9')).json(), {
    response_text: 'This?',
    metadata: { max_tokens: 9 },
  })
  t.match(calls[0]?.question.messages[0]?.parts[0], { type: 'image', image: payload })
  t.match((await send('max_tokens=9')).json(), { details: { code: 'missing_field', field: 'prompt' } })
})

t.test('one picture, several, or none at all', async (t) => {
  const { app, calls } = await listening(t)
  const post = (payload: object) => app.inject({ method: 'POST', url: '/infer', payload })
  await post({ prompt: 'a', images: ['AAAA', 'BBBB'], system: 'Be brief.', stop: ['', 'x'] })
  t.same(calls[0]?.question.sampling.stop, ['x'])
  t.match(calls[0]?.question.messages, [
    { role: 'system', parts: [{ text: 'Be brief.' }] },
    { role: 'user', parts: [{ image: 'AAAA' }, { image: 'BBBB', field: 'images/1' }, { text: 'a' }] },
  ])
  const both = await post({ prompt: 'a', image: 'AAAA', images: ['BBBB'] })
  t.match(both.json(), { details: { code: 'two_choices' }, error: 'Send either image or images, not both' })
  const many = await post({ prompt: 'a', images: Array(9).fill('AAAA') })
  t.match(many.json(), { error: 'Field images must be a list of at most 8, got a list' })
  const odd = await post({ prompt: 'a', images: ['AAAA', 7] })
  t.match(odd.json(), { error: 'Field images/1 must be a text, got 7' })
})

t.test('a dry run tells what would happen and asks nothing', async (t) => {
  const plan = async () => ({
    images: [somePicture],
    promptTokens: 1900,
    contextTokens: 2048,
    ahead: 2,
    seconds: { queue: 1, prompt: 2.5, generation: 3 },
  })
  const app = await testApp(t, { plan, infer: () => Promise.reject(new Error('asked')) })
  const response = await app.inject({
    method: 'POST',
    url: '/infer?dry_run=1',
    payload: { prompt: 'a', image: 'AAAA' },
  })
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    success: true,
    dry_run: true,
    prompt_tokens: 1900,
    max_tokens: 256,
    context_size: 2048,
    fits: false,
    queue_position: 2,
    expected_seconds: { total: 6.5 },
    images: [{ format: 'PNG', preview: `data:image/png;base64,${somePicture.bytes.toString('base64')}` }],
  })
})

t.test('a caller may set a deadline of its own', async (t) => {
  const app = await testApp(t, {
    infer: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  })
  const response = await app.inject({
    method: 'POST',
    url: '/infer',
    payload: { prompt: 'a', image: 'AAAA', deadline_ms: 20 },
  })
  t.equal(response.statusCode, 504)
  t.match(response.json(), { error: 'The request took longer than 0.02 seconds and was stopped' })
})

t.test('silence is broken every ten seconds, from the very start', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  let finish = () => {}
  const app = await testApp(t, {
    infer: async ({ tell = () => {} }) => {
      tell({ type: 'queued', position: 0, secondsLeft: 0 })
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      return answerOf('late')
    },
  })
  const ask = async (url: string, payload: object) => {
    const answer = app.inject({ method: 'POST', url, payload })
    for (let turns = 0; turns < 50; turns += 1) await turn()
    mock.timers.tick(25_000)
    finish()
    return (await answer).body
  }
  const events = await ask('/infer', { prompt: 'a', image: 'AAAA', stream: true })
  t.equal(events.split(': still here\n\n').length - 1, 2)
  const lines = await ask('/api/generate', { prompt: 'a' })
  t.equal(lines.split('"response":"","done":false').length - 1, 2)
})

t.test('the documentation is made of the routes', async (t) => {
  const app = await testApp(t)
  const { openapi, paths } = (await app.inject('/docs/json')).json()
  t.match(openapi, /^3\.1/)
  t.strictSame(Object.keys(paths).sort(), [
    '/api/chat',
    '/api/generate',
    '/api/ps',
    '/api/pull',
    '/api/show',
    '/api/tags',
    '/api/version',
    '/health',
    '/infer',
    '/livez',
    '/mcp',
    '/metrics',
    '/props',
    '/v1/chat/completions',
    '/v1/messages',
    '/v1/messages/count_tokens',
    '/v1/models',
    '/v1/models/{id}',
    '/v1/responses',
  ])
  t.equal((await app.inject('/docs')).statusCode, 200)
})

t.test('a stream whose inference fails at once is refused like any other', async (t) => {
  const app = await testApp(t, { infer: () => Promise.reject(failure('engine_loading', { reason: 'a' })) })
  const response = await app.inject({
    method: 'POST',
    url: '/infer',
    payload: { prompt: 'a', image: 'AAAA', stream: true },
  })
  t.equal(response.statusCode, 503)
})
