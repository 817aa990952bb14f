/** The other front doors without an engine: what they make of a request, and each family's own words for a fault. */
import t from 'tap'
import type { App } from '../../src/app.ts'
import { failure, failures } from '../../src/errors.ts'
import { listening } from '../support/app.ts'

const { status: refused } = failures.not_supported

const post = (app: App, url: string, payload: object) => app.inject({ method: 'POST', url, payload })

const user = (content: unknown) => ({ messages: [{ role: 'user', content }] })

t.test("OpenAI's fields become one question", async (t) => {
  const { app, questions } = await listening(t)
  const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } }
  const response = await post(app, '/v1/chat/completions', {
    model: 'tiny',
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'text', text: 'This?' }, picture] },
      { role: 'assistant', content: 'A cat.' },
      { role: 'user', content: 'And now?' },
    ],
    max_completion_tokens: 7,
    max_tokens: null,
    temperature: 0.1,
    top_p: 0.2,
    presence_penalty: 0.3,
    frequency_penalty: 0.4,
    seed: -1,
    stop: 'END',
    response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'string' } } },
    user: 'somebody',
  })
  t.equal(response.statusCode, 200)
  t.match(response.json(), {
    object: 'chat.completion',
    model: 'tiny.gguf',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Be brief.|This?|A cat.|And now?' } }],
    usage: { prompt_tokens: 3, prompt_tokens_details: { cached_tokens: 1 } },
  })
  t.match(questions, [
    {
      messages: [
        { role: 'system', parts: [{ text: 'Be brief.' }] },
        { role: 'user', parts: [{ text: 'This?' }, { type: 'image', image: 'data:image/png;base64,AAAA' }] },
        { role: 'assistant', parts: [{ text: 'A cat.' }] },
        { role: 'user', parts: [{ text: 'And now?' }] },
      ],
      detail: 'low',
      sampling: {
        max_tokens: 7,
        temperature: 0.1,
        top_p: 0.2,
        presence_penalty: 0.3,
        frequency_penalty: 0.4,
        seed: 2 ** 32 - 1,
        stop: ['END'],
      },
      json: { type: 'string' },
    },
  ])
  await post(app, '/v1/chat/completions', { ...user('a'), max_tokens: 100_000 })
  t.match(questions[1], { detail: 'auto', sampling: { max_tokens: 2048 }, json: undefined })
  await post(app, '/v1/chat/completions', { ...user('a'), response_format: { type: 'json_object' } })
  t.equal(questions[2]?.json, true)
})

t.test("a fault is told in OpenAI's shape, with its place", async (t) => {
  const { app } = await listening(t)
  const tool = { type: 'function', function: { name: 'f' } }
  const faults: [object, number, string, string | null][] = [
    [{}, 400, 'missing_field', 'messages'],
    [{ messages: [] }, 400, 'out_of_range', 'messages'],
    [user(7), 400, 'wrong_type', 'messages/0/content'],
    [user(' '), 400, 'empty_prompt', 'messages/0/content'],
    [user([{ type: 'text' }]), 400, 'missing_field', 'messages/0/content/0/text'],
    [user([{ type: 'image_url' }]), 400, 'missing_field', 'messages/0/content/0/image_url'],
    [user([{ type: 'input_audio' }]), 400, 'not_supported', 'messages/0/content/0/type'],
    [{ messages: [{ role: 'robot', content: 'a' }] }, 400, 'unknown_choice', 'messages/0/role'],
    [{ ...user('a'), temperature: 3 }, 400, 'out_of_range', 'temperature'],
    [{ ...user('a'), model: 'other' }, 404, 'model_not_found', 'model'],
    [{ ...user('a'), tools: [tool] }, 400, 'not_supported', null],
    [{ ...user('a'), n: 9 }, 400, 'out_of_range', 'n'],
    [{ ...user('a'), logprobs: true }, 400, 'not_supported', null],
    [
      { ...user('a'), response_format: { type: 'json_schema' } },
      400,
      'missing_field',
      'response_format/json_schema/schema',
    ],
  ]
  for (const [payload, status, code, param] of faults) {
    const response = await post(app, '/v1/chat/completions', payload)
    t.equal(response.statusCode, status, JSON.stringify(payload))
    t.match(response.json(), { error: { type: 'invalid_request_error', code, param, message: /./ } })
  }
  const nowhere = await app.inject('/v1/nothing')
  t.equal(nowhere.statusCode, 404)
  t.match(nowhere.json(), { error: { code: 'not_found' } })
  const embeddings = await post(app, '/v1/embeddings', {})
  t.equal(embeddings.statusCode, 400)
  t.match(embeddings.json(), { error: { message: /embeddings is not offered: the model answers questions/ } })
})

t.test('a failure in mid-stream is the last word of each family', async (t) => {
  const { app } = await listening(t, async ({ tell = () => {} }) => {
    tell({ type: 'queued', position: 1, secondsLeft: 7 })
    tell({ type: 'token', text: 'half' })
    throw failure('engine_crashed')
  })
  const openai = await post(app, '/v1/chat/completions', { ...user('a'), stream: true })
  t.equal(openai.statusCode, 200)
  t.match(openai.headers, { 'content-type': /^text\/event-stream/, 'x-accel-buffering': 'no' })
  t.match(openai.body, /"content":"half"[\s\S]*data: \{"error":\{"message":"The engine stopped[^\n]+\n\n$/)
  t.notMatch(openai.body, /DONE/)
  const ollama = await post(app, '/api/generate', { prompt: 'a' })
  t.equal(ollama.statusCode, 200)
  t.match(ollama.headers['content-type'], 'application/x-ndjson')
  const lines = ollama.body.trim().split('\n')
  t.match(
    lines.map((line) => JSON.parse(line)),
    [{ response: 'half', done: false }, { error: /^The engine stopped/ }],
  )
  const infer = await post(app, '/infer', { prompt: 'a', image: 'AAAA', stream: true })
  t.match(
    infer.body,
    /^event: queued\ndata: {"position":1,"seconds_left":7}\n\n[\s\S]*event: error\ndata: {"success":false/,
  )
})

t.test('a refusal before the first word keeps its status, in a stream too', async (t) => {
  const { app } = await listening(t, () =>
    Promise.reject(failure('queue_full', { limit: 1, actual: 1 }, { retryAfterSeconds: 3 })),
  )
  for (const [url, payload] of [
    ['/v1/chat/completions', { ...user('a'), stream: true }],
    ['/api/chat', user('a')],
    ['/infer', { prompt: 'a', image: 'AAAA', stream: true }],
  ] as const) {
    const response = await post(app, url, payload)
    t.equal(response.statusCode, 429, url)
    t.equal(response.headers['retry-after'], '3')
    t.match(response.headers['content-type'], /^application\/json/)
  }
})

t.test("Ollama's fields become one question", async (t) => {
  const { app, questions } = await listening(t)
  const options = {
    num_predict: 7,
    temperature: 0.1,
    top_p: 0.2,
    top_k: 3,
    min_p: 0.4,
    repeat_penalty: 1.5,
    presence_penalty: 0.6,
    frequency_penalty: 0.7,
    seed: 8,
    stop: ['END'],
    num_ctx: 4096,
  }
  const generate = await post(app, '/api/generate', {
    model: 'tiny.gguf:latest',
    prompt: 'This?',
    system: 'Be brief.',
    images: ['AAAA'],
    format: { type: 'string' },
    options,
    stream: false,
    keep_alive: '5m',
  })
  t.match(generate.json(), {
    model: 'tiny.gguf:latest',
    response: 'Be brief.|This?',
    done: true,
    done_reason: 'stop',
    total_duration: 10_000_000,
    load_duration: 1_000_000,
    prompt_eval_count: 3,
    prompt_eval_duration: 3_000_000,
    eval_count: 2,
    eval_duration: 4_000_000,
  })
  const { num_predict, num_ctx, ...sampling } = options
  t.match(questions[0], {
    messages: [
      { role: 'system', parts: [{ text: 'Be brief.' }] },
      {
        role: 'user',
        parts: [
          { type: 'image', image: 'AAAA' },
          { type: 'text', text: 'This?' },
        ],
      },
    ],
    sampling: { ...sampling, max_tokens: 7 },
    json: { type: 'string' },
  })
  const message = { role: 'user', content: 'This?', images: ['AAAA', 'BBBB'] }
  const chat = await post(app, '/api/chat', {
    messages: [message],
    options: { num_predict: -1 },
    format: 'json',
  })
  const lines = chat.body.trim().split('\n')
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      { model: 'tiny.gguf', message: { role: 'assistant', content: 'This?' }, done: false },
      { message: { content: '' }, done: true, done_reason: 'stop' },
    ],
  )
  t.match(questions[1], { sampling: { max_tokens: 2048 }, json: true })
  t.equal(questions[1]?.messages[0]?.parts.length, 3)

  for (const url of ['/api/generate', '/api/chat']) {
    const loaded = await post(app, url, { model: 'tiny' })
    t.match(loaded.json(), { done: true, done_reason: 'load' }, 'no prompt asks for the model to be loaded')
  }
  const form = await app.inject({
    method: 'POST',
    url: '/api/generate',
    payload: '{"prompt":"This?","stream":false}',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  t.match(form.json(), { response: 'This?' }, 'as `curl -d` sends it')
})

t.test("a fault is told in Ollama's shape", async (t) => {
  const { app } = await listening(t)
  const faults: [string, object, number, RegExp][] = [
    [
      '/api/generate',
      { model: 'llava', prompt: 'a' },
      404,
      /llava is not loaded; this service answers as tiny/,
    ],
    ['/api/generate', { prompt: 7 }, 400, /Field prompt must be a text or null, got 7/],
    ['/api/generate', { prompt: 'a', suffix: 'b' }, refused, /A suffix is not offered/],
    ['/api/generate', { prompt: 'a', raw: true }, refused, /A raw prompt is not offered/],
    ['/api/generate', { prompt: 'a', format: 'xml' }, 400, /Field format must be json or a JSON Schema/],
    [
      '/api/chat',
      { messages: [{ role: 'robot', content: 'a' }] },
      400,
      /must be one of system, user, assistant/,
    ],
    ['/api/chat', { ...user('a'), tools: [{}] }, refused, /Calling tools is not offered/],
    ['/api/push', {}, refused, /\/api\/push is not offered: nothing is published/],
    ['/api/pull', { name: 'llava' }, refused, /Pulling llava is not offered: .* fetched by/],
    ['/api/nothing', {}, 404, /Unknown route/],
  ]
  for (const [url, payload, status, sentence] of faults) {
    const response = await post(app, url, payload)
    t.equal(response.statusCode, status, `${url} ${JSON.stringify(payload)}`)
    t.match(response.json(), { error: sentence })
    t.same(Object.keys(response.json()), ['error'])
  }
})

t.test('both families list the models', async (t) => {
  const { app } = await listening(t)
  t.match((await app.inject('/v1/models')).json(), {
    object: 'list',
    data: [{ id: 'tiny.gguf', object: 'model' }],
  })
  t.equal((await app.inject('/v1/models/other')).statusCode, 404)
  t.match((await app.inject('/api/tags')).json(), {
    models: [{ name: 'tiny.gguf', size: 9, digest: /^\w{64}$/ }],
  })
  t.match((await app.inject('/api/ps')).json(), { models: [{ name: 'tiny.gguf', context_length: 2048 }] })
  t.match((await app.inject('/api/version')).json(), { version: /^\d/, llama_vision: '1.2.3' })
  t.match((await post(app, '/api/show', { model: 'tiny' })).json(), {
    capabilities: ['completion', 'vision'],
  })
})
