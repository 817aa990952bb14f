/** What strangers may send is bounded at every door, and so is what is repeated of it. */
import t from 'tap'
import { failure } from '../../src/errors.ts'
import { type TestParts, testApp } from '../support/app.ts'

const many = <Item>(item: Item): Item[] => Array<Item>(1001).fill(item)

t.test('no list is longer than anybody has use for', async (t) => {
  const app = await testApp(t)
  const message = { role: 'user', content: 'a' }
  const lists: [url: string, field: string, body: object][] = [
    ['/infer', 'images', { prompt: 'a', images: many('') }],
    ['/infer', 'history', { prompt: 'a', image: 'AAAA', history: many({ prompt: 'a', response_text: 'b' }) }],
    ['/infer', 'stop', { prompt: 'a', image: 'AAAA', stop: many('a') }],
    ['/v1/chat/completions', 'messages', { messages: many(message) }],
    ['/v1/chat/completions', 'stop', { messages: [message], stop: many('a') }],
    ['/v1/chat/completions', 'tools', { messages: [message], tools: many({}) }],
    ['/v1/chat/completions', 'functions', { messages: [message], functions: many({}) }],
    [
      '/v1/chat/completions',
      'messages/0/content',
      { messages: [{ role: 'user', content: many({ type: 'text', text: 'a' }) }] },
    ],
    ['/v1/responses', 'input', { input: many(message) }],
    ['/v1/responses', 'tools', { input: 'a', tools: many({ type: 'function' }) }],
    ['/v1/responses', 'input/0/content', { input: [{ role: 'user', content: many({ type: 'a' }) }] }],
    ['/v1/responses', 'input/0/output', { input: [{ output: many({ type: 'a' }) }] }],
    ['/v1/messages', 'messages', { messages: many(message) }],
    ['/v1/messages', 'system', { messages: [message], system: many({ type: 'text' }) }],
    ['/v1/messages', 'tools', { messages: [message], tools: many({ name: 'a' }) }],
    ['/v1/messages', 'stop_sequences', { messages: [message], stop_sequences: many('a') }],
    ['/v1/messages', 'messages/0/content', { messages: [{ role: 'user', content: many({ type: 'a' }) }] }],
    [
      '/v1/messages',
      'messages/0/content/0/content',
      { messages: [{ role: 'user', content: [{ type: 'tool_result', content: many({ type: 'a' }) }] }] },
    ],
    ['/api/generate', 'images', { prompt: 'a', images: many('') }],
    ['/api/generate', 'options/stop', { prompt: 'a', options: { stop: many('a') } }],
    ['/api/chat', 'messages', { messages: many(message) }],
    ['/api/chat', 'tools', { messages: [message], tools: many({}) }],
    ['/api/chat', 'messages/0/images', { messages: [{ ...message, images: many('') }] }],
  ]
  for (const [url, field, payload] of lists) {
    const response = await app.inject({ method: 'POST', url, payload })
    t.equal(response.statusCode, 400, `${url} ${field}`)
    t.match(response.body, new RegExp(`Field ${field} must be a list of at most \\d+, got a list`))
  }
})

t.test('fields that are ignored are told, but not all of a flood of them', async (t) => {
  const app = await testApp(t)
  const flood = Object.fromEntries(many('x').map((letter, index) => [`${index}${letter.repeat(200)}`, 1]))
  const payload = { prompt: 'a', image: 'AAAA', ...flood }
  const response = await app.inject({ method: 'POST', url: '/infer', payload })
  const { ignored_fields: ignored } = response.json().metadata as { ignored_fields: string[] }
  t.equal(ignored.length, 50)
  t.ok(ignored.every((name) => name.length === 100))
})

t.test('the name of a model is not repeated whole', async (t) => {
  const app = await testApp(t)
  const payload = { model: 'x'.repeat(1024 ** 2), messages: [{ role: 'user', content: 'a' }] }
  for (const url of ['/v1/chat/completions', '/api/chat']) {
    const response = await app.inject({ method: 'POST', url, payload })
    t.equal(response.statusCode, 404)
    t.ok(response.body.length < 1000)
  }
})

t.test('nor is the path that holds one, or that nobody can read', async (t) => {
  const name = `${'ä'.repeat(122)}.gguf`
  const app = await testApp(t, {}, { MODEL_NAME: name })
  const get = (path: string) => app.inject(path)
  t.equal(
    (await get(`/v1/models/${encodeURIComponent(name)}`)).statusCode,
    200,
    'as long as a file may be called',
  )
  const other = await get(`/v1/models/${'x'.repeat(700)}`)
  t.equal(other.statusCode, 404)
  t.match(other.json().error.message, /^The model x{200} is not loaded/)
  for (const [path, status] of [
    [`/v1/models/${'x'.repeat(5000)}`, 404],
    [`/%zz${'x'.repeat(5000)}`, 400],
  ] as const) {
    const { statusCode, body } = await get(path)
    t.equal(statusCode, status)
    t.ok(body.length < 1000, body)
  }
})

t.test('what there is no room for is refused before its body is read', async (t) => {
  const counted: string[] = []
  const requireRoom: TestParts['requireRoom'] = ({ door, caller }) => {
    counted.push(`${door} ${caller}`)
    throw failure('queue_full', { limit: 1, actual: 1 }, { retryAfterSeconds: 7 })
  }
  const app = await testApp(t, { requireRoom })
  const doors = {
    '/infer': 'infer',
    '/v1/chat/completions': 'openai',
    '/v1/responses': 'openai',
    '/v1/messages': 'anthropic',
    '/v1/messages/count_tokens': 'anthropic',
    '/api/generate': 'ollama',
    '/api/chat': 'ollama',
  }
  for (const url of Object.keys(doors)) {
    const headers = { 'content-type': 'application/json' }
    const answer = await app.inject({ method: 'POST', url, headers, payload: 'no JSON' })
    t.match(answer, { statusCode: 429, headers: { 'retry-after': '7' } }, url)
  }
  t.same(
    counted,
    Object.values(doors).map((door) => `${door} address 127.0.0.1`),
  )
})
