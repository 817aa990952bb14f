/** What clients of both families read before they ask: models, details, version, and what is not served. */
import t from 'tap'
import { readyStatus, testApp } from '../support/app.ts'
import { someModel } from '../support/model-facts.ts'

const modified = new Date('2024-01-13T12:00:00.500Z')
const models = async () => [
  { name: 'other.gguf', bytes: 5, modified: new Date('2023-01-13T12:00:00Z') },
  { name: 'tiny.gguf', bytes: 9, modified },
]
const unknown = {
  parent_model: '',
  format: 'gguf',
  family: '',
  families: [],
  parameter_size: '',
  quantization_level: '',
}
const ofLlama = { ...unknown, family: 'llama', families: ['llama'] }

t.test("OpenAI's list, and one model of it", async (t) => {
  const app = await testApp(t, { models })
  const body = (id: string, created: number) => ({ id, object: 'model', created, owned_by: 'llama-vision' })
  const [other, tiny] = [body('other.gguf', 1_673_611_200), body('tiny.gguf', 1_705_147_200)]
  t.same((await app.inject('/v1/models')).json(), { object: 'list', data: [other, tiny] })
  t.same((await app.inject('/v1/models/tiny.gguf')).json(), tiny)
  const missing = await app.inject(`/v1/models/${'x'.repeat(90)}`)
  t.equal(missing.statusCode, 404)
  t.same(missing.json().error, {
    message: `The model ${'x'.repeat(90)} is not loaded; this service answers as tiny.gguf`,
    type: 'invalid_request_error',
    param: 'model',
    code: 'model_not_found',
  })
})

t.test(
  "Ollama's list tells the loaded model's family, and a digest that changes with the file",
  async (t) => {
    const app = await testApp(t, { models })
    const { models: listed } = (await app.inject('/api/tags')).json()
    const digests = listed.map(({ digest }: { digest: string }) => digest)
    t.equal(new Set(digests).size, 2)
    t.match(digests[0], /^[0-9a-f]{64}$/)
    const entry = (name: string, size: number, digest: string, details: object) => ({
      name,
      model: name,
      size,
      digest,
      details,
    })
    t.same(listed, [
      { ...entry('other.gguf', 5, digests[0], unknown), modified_at: '2023-01-13T12:00:00.000Z' },
      { ...entry('tiny.gguf', 9, digests[1], ofLlama), modified_at: '2024-01-13T12:00:00.500Z' },
    ])
    const changed = await testApp(t, { models: async () => [{ name: 'tiny.gguf', bytes: 10, modified }] })
    t.not((await changed.inject('/api/tags')).json().models[0].digest, digests[1])
    t.same((await app.inject('/api/version')).json(), { version: '1.2.3' })
  },
)

t.test('the loaded model runs for ever once it is ready, and not before', async (t) => {
  const app = await testApp(t, { models })
  const { models: running } = (await app.inject('/api/ps')).json()
  t.equal(running.length, 1)
  t.match(running[0], {
    name: 'tiny.gguf',
    expires_at: '9999-12-31T23:59:59Z',
    size_vram: 0,
    context_length: 2048,
    details: ofLlama,
  })
  const loading = { ...readyStatus, state: 'loading' as const, reason: 'it loads', model: undefined }
  const early = await testApp(t, { models, engineStatus: () => loading })
  t.same((await early.inject('/api/ps')).json(), { models: [] })
  t.same((await early.inject('/api/tags')).json().models[1].details, unknown)
})

t.test('what is known of the model is shown under any of its names', async (t) => {
  const app = await testApp(
    t,
    {
      models,
      engineStatus: () => ({
        ...readyStatus,
        model: someModel({ architecture: 'mllama', contextLength: 99 }),
      }),
    },
    { MODEL_ALIASES: 'llama3.2-vision' },
  )
  const show = (payload: object) => app.inject({ method: 'POST', url: '/api/show', payload })
  const shown = {
    modelfile: 'FROM tiny.gguf\n',
    parameters: '',
    template: '',
    details: { ...unknown, family: 'mllama', families: ['mllama'] },
    model_info: { 'general.architecture': 'mllama', 'mllama.context_length': 99 },
    capabilities: ['completion', 'vision'],
    modified_at: '2024-01-13T12:00:00.500Z',
  }
  for (const payload of [
    { model: 'tiny' },
    { name: 'llama3.2-vision:latest' },
    { model: null, name: 'TINY.GGUF' },
    {},
  ]) {
    t.same((await show(payload)).json(), shown, JSON.stringify(payload))
  }
  t.equal((await show({ model: 'other' })).statusCode, 404)
  t.equal((await show({ name: 'other' })).statusCode, 404)
  const { modified_at: _, ...beforeLoading } = shown
  const early = await testApp(t, {
    models: async () => [],
    engineStatus: () => ({ ...readyStatus, state: 'starting', model: undefined }),
  })
  t.same((await early.inject({ method: 'POST', url: '/api/show', payload: {} })).json(), {
    ...beforeLoading,
    details: unknown,
    model_info: { 'general.architecture': null },
  })
})

t.test('what is not served says so, for every method', async (t) => {
  const app = await testApp(t)
  const unserved = {
    '/v1': [
      '/completions',
      '/responses',
      '/embeddings',
      '/images/edits',
      '/audio/speech',
      '/files',
      '/files/a',
      '/batches',
    ],
    '/api': ['/embed', '/embeddings', '/pull', '/push', '/create', '/copy', '/delete', '/blobs/sha256:a'],
  }
  for (const [prefix, urls] of Object.entries(unserved)) {
    for (const url of urls) {
      for (const method of ['GET', 'POST', 'DELETE'] as const) {
        const { statusCode, body } = await app.inject({ method, url: prefix + url })
        t.equal(statusCode, 501, `${method} ${prefix}${url}`)
        t.match(body, /is not offered: /)
      }
    }
  }
})
