/** The last value that each door takes, and the first that it does not. */
import t from 'tap'
import { testApp } from '../support/app.ts'

const asked = { prompt: 'a', image: 'AAAA' }
const chat = { messages: [{ role: 'user', content: 'a' }] }

t.test('limits that are reckoned are where they are said to be', async (t) => {
  const app = await testApp(t, {}, { REQUEST_TIMEOUT: '60', MAX_IMAGES: '3' })
  const status = async (url: string, payload: object) =>
    (await app.inject({ method: 'POST', url, payload })).statusCode
  for (const [field, taken, refused] of [
    ['seed', [0, 2 ** 32 - 1], [-1, 2 ** 32]],
    ['deadline_ms', [60_000], [0, 60_001]],
    ['max_tokens', [1, 2048], [0, 2049]],
    ['pdf_pages', [1, 3], [0, 4]],
  ] as const) {
    for (const value of taken)
      t.equal(await status('/infer', { ...asked, [field]: value }), 200, `${field}: ${value}`)
    for (const value of refused)
      t.equal(await status('/infer', { ...asked, [field]: value }), 400, `${field}: ${value}`)
  }
})

t.test('what clients of both families may leave out may be null, and nothing else may', async (t) => {
  const app = await testApp(t)
  const post = async (url: string, payload: object) => {
    const { statusCode, body } = await app.inject({ method: 'POST', url, payload })
    return `${statusCode} ${statusCode === 200 ? '' : body}`
  }
  const nulls = (names: string[]) => Object.fromEntries(names.map((name) => [name, null]))
  const sampling = ['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'seed', 'stop']
  const openai = ['model', 'max_tokens', 'max_completion_tokens', 'n', 'tools', 'functions', 'logprobs']
  const calls = ['tool_choice', 'function_call']
  const more = ['stream', 'stream_options', 'response_format']
  t.equal(
    await post('/v1/chat/completions', { ...chat, ...nulls([...sampling, ...openai, ...calls, ...more]) }),
    '200 ',
  )
  const responses = ['model', 'instructions', 'max_output_tokens', 'stream', 'text', 'tools', 'tool_choice']
  const unserved = ['previous_response_id', 'conversation', 'prompt', 'background', 'top_logprobs']
  t.equal(
    await post('/v1/responses', {
      input: 'a',
      ...nulls(['temperature', 'top_p', ...responses, ...unserved]),
    }),
    '200 ',
  )
  const anthropic = ['model', 'system', 'thinking', 'tools', 'tool_choice', 'output_config', 'max_tokens']
  const theirs = ['temperature', 'top_p', 'top_k', 'stop_sequences', 'stream']
  t.equal(await post('/v1/messages', { ...chat, ...nulls([...anthropic, ...theirs]) }), '200 ')
  const ollama = ['model', 'stream', 'format', 'options']
  const options = nulls([...sampling, 'num_predict', 'top_k', 'min_p', 'repeat_penalty'])
  t.equal(await post('/api/chat', { ...chat, ...nulls([...ollama, 'tools']) }), '200 ')
  t.equal(await post('/api/generate', { prompt: 'a', ...nulls([...ollama, 'system', 'images']) }), '200 ')
  t.equal(await post('/api/generate', { prompt: 'a', options, suffix: null, raw: null }), '200 ')
  for (const stop of ['a', ['a', 'b'], []]) {
    t.equal(await post('/infer', { ...asked, stop }), '200 ', 'one text or several')
    t.equal(await post('/v1/chat/completions', { ...chat, stop }), '200 ')
    t.equal(await post('/api/generate', { prompt: 'a', options: { stop } }), '200 ')
  }
  for (const stop of [7, [7], { a: 1 }]) {
    t.match(await post('/infer', { ...asked, stop }), /^400 .*wrong_type/)
    t.match(await post('/v1/chat/completions', { ...chat, stop }), /^400 .*wrong_type/)
    t.match(await post('/api/generate', { prompt: 'a', options: { stop } }), /^400 .*must be/)
  }
  t.match(await post('/infer', { ...asked, stop: null }), /^400 .*wrong_type/)
})

t.test('a dry run is one for any value but nought', async (t) => {
  const plan = async () => ({ images: [], promptTokens: 3, ahead: 0, seconds: null })
  const app = await testApp(t, { plan })
  const dry = async (query: string) =>
    (await app.inject({ method: 'POST', url: `/infer${query}`, payload: asked })).json().dry_run
  for (const [query, is] of [
    ['', undefined],
    ['?dry_run=0', undefined],
    ['?dry_run=1', true],
    ['?dry_run=', true],
    ['?dry_run=yes', true],
  ] as const)
    t.equal(await dry(query), is, query)
})
