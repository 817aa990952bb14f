/** What clients of all families read before they ask: names, details, version, and what is not served. */
import t from 'tap'
import { failures } from '../../src/errors.ts'
import { readyStatus, testApp } from '../support/app.ts'
import { someModel } from '../support/model-facts.ts'

const { status: refused } = failures.not_supported
const modified = new Date('2024-01-13T12:00:00.500Z')
const modelFile = async () => ({ bytes: 9, modified })
const loading = { ...readyStatus, state: 'loading' as const, reason: 'it loads', model: undefined }
const unknown = {
  parent_model: '',
  format: 'gguf',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
}
const ofLlama = { ...unknown, family: 'llama', families: ['llama', 'clip'] }
const names = ['tiny.gguf', 'tiny', 'tiny:latest', 'me/eyes:11b']
const aliased = { MODEL_ALIASES: 'me/eyes:11b' }

t.test("OpenAI's list has every name, and each is one of it", async (t) => {
  const app = await testApp(t, { modelFile }, aliased)
  const body = (id: string) => ({
    id,
    object: 'model',
    created: 1_705_147_200,
    owned_by: 'llama-vision',
    context_length: 2048,
    max_model_len: 2048,
    architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
    meta: { n_ctx: 2048, n_ctx_train: 4096, size: 9 },
  })
  t.same((await app.inject('/v1/models')).json(), { object: 'list', data: names.map(body) })
  for (const name of names) {
    t.same((await app.inject(`/v1/models/${name}`)).json(), body(name))
    t.same((await app.inject(`/v1/models/${encodeURIComponent(name)}`)).json(), body(name))
  }
  for (const other of ['x'.repeat(90), 'me/eyes', 'someone/tiny']) {
    const missing = await app.inject(`/v1/models/${other}`)
    t.equal(missing.statusCode, 404, other)
    t.same(missing.json().error, {
      message: `The model ${other} is not loaded; this service answers as tiny.gguf, me/eyes:11b`,
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    })
  }
  const early = await testApp(t, { modelFile, engineStatus: () => loading })
  t.match((await early.inject('/v1/models/tiny')).json(), { meta: { n_ctx: 2048, n_ctx_train: null } })
})

t.test("Ollama's list has every name, with a digest that changes with the file", async (t) => {
  const app = await testApp(t, { modelFile }, aliased)
  const { models: listed } = (await app.inject('/api/tags')).json()
  const [{ digest }] = listed
  t.match(digest, /^[0-9a-f]{64}$/)
  t.same(
    listed,
    names.map((name) => ({
      name,
      model: name,
      modified_at: '2024-01-13T12:00:00.500Z',
      size: 9,
      digest,
      details: ofLlama,
    })),
  )
  const changed = await testApp(t, { modelFile: async () => ({ bytes: 10, modified }) })
  t.not((await changed.inject('/api/tags')).json().models[0].digest, digest)
})

t.test('what is listed is answered, by every door', async (t) => {
  const app = await testApp(t, {}, { MODEL_NAME: 'ollama:llama3.2-vision:11b', MODEL_ALIASES: 'gpt-4o' })
  const listed = (await app.inject('/v1/models')).json().data.map(({ id }: { id: string }) => id)
  t.strictSame(listed, [
    'llama3.2-vision:11b',
    'llama3.2-vision',
    'llama3.2-vision:latest',
    'gpt-4o',
    'gpt-4o:latest',
  ])
  for (const model of listed) {
    for (const url of ['/v1/chat/completions', '/api/chat', '/api/show', '/api/pull']) {
      const payload = { model, messages: [{ role: 'user', content: 'a' }] }
      t.equal((await app.inject({ method: 'POST', url, payload })).statusCode, 200, `${url} ${model}`)
    }
  }
})

t.test("the version is an Ollama's that clients take, ours beside it", async (t) => {
  const app = await testApp(t)
  const { version, llama_vision } = (await app.inject('/api/version')).json()
  t.equal(llama_vision, '1.2.3')
  const [major, minor, patch] = version.split('.').map(Number)
  t.ok(major * 1e6 + minor * 1e3 + patch >= 6004, 'VS Code asks for 0.6.4')
})

t.test('the loaded model runs for ever once it is ready, and not before', async (t) => {
  const app = await testApp(t, { modelFile })
  const { models: running } = (await app.inject('/api/ps')).json()
  t.same(
    running.map(({ name }: { name: string }) => name),
    ['tiny.gguf', 'tiny', 'tiny:latest'],
  )
  t.match(running[0], {
    expires_at: '9999-12-31T23:59:59Z',
    size_vram: 0,
    context_length: 2048,
    details: ofLlama,
  })
  const early = await testApp(t, { modelFile, engineStatus: () => loading })
  t.same((await early.inject('/api/ps')).json(), { models: [] })
  t.same((await early.inject('/api/tags')).json().models[0].details, unknown)
})

t.test('what is known of the model is shown under any of its names', async (t) => {
  const model = someModel({ architecture: 'mllama', contextLength: 1000 })
  const app = await testApp(
    t,
    { modelFile, engineStatus: () => ({ ...readyStatus, model }) },
    { MODEL_ALIASES: 'llama3.2-vision' },
  )
  const show = (payload: object) => app.inject({ method: 'POST', url: '/api/show', payload })
  const shown = {
    modelfile: 'FROM tiny.gguf\n',
    parameters: 'num_ctx 2048',
    template: '{{ .Prompt }}',
    details: { ...unknown, family: 'mllama', families: ['mllama', 'clip'] },
    model_info: {
      'general.architecture': 'mllama',
      'general.basename': 'tiny.gguf',
      'mllama.context_length': 1000,
      'mllama.embedding_length': 64,
      'mllama.vision.image_size': 128,
      'mllama.vision.patch_size': 16,
      'mllama.vision.embedding_length': 32,
    },
    capabilities: ['completion', 'vision'],
    modified_at: '2024-01-13T12:00:00.500Z',
  }
  for (const payload of [
    { model: 'tiny' },
    { name: 'llama3.2-vision:latest', verbose: true },
    { model: null, name: 'TINY.GGUF' },
    // Their command line sends all that it knows.
    { model: '', name: 'tiny', system: '', template: '', options: null },
    {},
  ]) {
    t.same((await show(payload)).json(), shown, JSON.stringify(payload))
  }
  t.equal((await show({ model: 'other' })).statusCode, 404)
  t.equal((await show({ name: 'other' })).statusCode, 404)
  const early = await testApp(t, { modelFile, engineStatus: () => loading })
  t.same((await early.inject({ method: 'POST', url: '/api/show', payload: {} })).json(), {
    ...shown,
    details: unknown,
    model_info: { 'general.architecture': '' },
  })
  const large = await testApp(t, {
    engineStatus: () => ({ ...readyStatus, model: someModel({ contextLength: 131_072 }) }),
  })
  t.equal(
    (await large.inject({ method: 'POST', url: '/api/show', payload: {} })).json().model_info[
      'llama.context_length'
    ],
    2048,
    'clients fill what they are told',
  )
})

t.test('the model that is there is pulled at once, and no other', async (t) => {
  const app = await testApp(t, {}, aliased)
  const pull = (payload: object) => app.inject({ method: 'POST', url: '/api/pull', payload })
  const streamed = await pull({ model: 'tiny', insecure: true })
  t.equal(streamed.statusCode, 200)
  t.match(streamed.headers['content-type'], /^application\/x-ndjson/)
  const lines = streamed.body.trim().split('\n')
  t.same(
    lines.map((line) => JSON.parse(line)),
    [{ status: 'pulling manifest' }, { status: 'success' }],
  )
  t.same((await pull({ name: 'me/eyes:11b', stream: false })).json(), { status: 'success' })
  for (const name of ['llava', 'me/eyes', `tiny${'x'.repeat(5000)}`]) {
    const other = await pull({ name })
    t.equal(other.statusCode, refused)
    t.match(
      other.json().error,
      /^Pulling .* is not offered: this service answers as tiny\.gguf, .*llama-vision pull$/,
    )
    t.ok(other.body.length < 1000)
  }
  const none = await pull({})
  t.equal(none.statusCode, 400)
  t.match(none.json().error, /Missing required field: model/)
})

t.test(
  'who asks for a llama-server learns the context and that pictures are taken, and no path',
  async (t) => {
    const app = await testApp(
      t,
      {},
      { SLOTS: '2', MODEL_NAME: '/models/secret/tiny.gguf', CONTEXT_SIZE: '4096' },
    )
    t.same((await app.inject('/props')).json(), {
      default_generation_settings: { n_ctx: 4096 },
      total_slots: 2,
      model_alias: 'tiny.gguf',
      model_path: 'tiny.gguf',
      modalities: { vision: true, audio: false, video: false },
      build_info: 'llama-vision 1.2.3',
    })
  },
)

t.test('at the door is a page for browsers, and Ollama for those who look for it', async (t) => {
  const app = await testApp(t, {}, { API_KEYS: 'key' })
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const page = await app.inject({ url: '/', headers: { accept: browser } })
  t.match(page.headers, { 'content-type': /^text\/html/, vary: /accept/ })
  t.match(page.body, /<title>/)
  for (const accept of [undefined, '*/*', 'application/json']) {
    const headers = accept === undefined ? {} : { accept }
    const answer = await app.inject({ url: '/', headers })
    t.equal(answer.statusCode, 200)
    t.equal(answer.body, 'Ollama is running')
    t.match(answer.headers, { 'content-type': /^text\/plain/, vary: /accept/ })
    const head = await app.inject({ method: 'HEAD', url: '/', headers })
    t.equal(head.statusCode, 200)
    t.equal(head.body, '')
  }
})

t.test('what is not served says so, for every method', async (t) => {
  const app = await testApp(t)
  const unserved = {
    '/v1': [
      '/completions',
      '/responses/resp_1',
      '/embeddings',
      '/images/edits',
      '/audio/speech',
      '/files',
      '/files/a',
      '/batches',
    ],
    '/api': ['/embed', '/embeddings', '/push', '/create', '/copy', '/delete', '/blobs/sha256:a'],
  }
  for (const [prefix, urls] of Object.entries(unserved)) {
    for (const url of urls) {
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        const { statusCode, body } = await app.inject({ method, url: prefix + url })
        t.equal(statusCode, refused, `${method} ${prefix}${url}`)
        t.match(body, /is not offered: /)
      }
    }
  }
})
