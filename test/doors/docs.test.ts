/** The OpenAPI document: what it says of keys, and that its examples are requests. */
import t from 'tap'
import { testApp } from '../support/app.ts'

type Content = { example?: object; examples?: Record<string, { value: object }> }
type Operation = { requestBody?: { content: Record<string, Content> } }

const document = async (app: Awaited<ReturnType<typeof testApp>>) => (await app.inject('/docs/json')).json()

t.test('a key is asked for in the document when one is asked for by the service', async (t) => {
  const open = await document(await testApp(t))
  t.match(open.info, { title: 'llama-vision', version: '1.2.3' })
  t.equal(open.security, undefined)
  t.equal(open.components?.securitySchemes, undefined)
  const closed = await document(await testApp(t, {}, { API_KEYS: 'a' }))
  t.same(closed.security, [{ key: [] }])
  t.same(closed.components.securitySchemes, { key: { type: 'http', scheme: 'bearer' } })
})

t.test('each body has an example, and each example is answered', async (t) => {
  const plan = async () => ({ images: [], promptTokens: 3, ahead: 0, seconds: null })
  const app = await testApp(t, { plan }, { MODEL_ALIASES: 'demo' })
  const paths: Record<string, Record<string, Operation>> = (await document(app)).paths
  const sent: Record<string, number> = {}
  for (const [url, { post }] of Object.entries(paths)) {
    const { example, examples = {} } = post?.requestBody?.content['application/json'] ?? {}
    const all = example ? [example] : Object.values(examples).map(({ value }) => value)
    for (const payload of all) {
      const { statusCode, body } = await app.inject({ method: 'POST', url, payload })
      t.equal(statusCode, 200, `${url}: ${body}`)
      t.notMatch(body, /"done_reason":"load"/, 'it asks for something')
    }
    if (post) sent[url] = all.length
  }
  t.same(sent, {
    '/infer': 2,
    '/v1/chat/completions': 1,
    '/v1/responses': 1,
    '/v1/messages': 1,
    '/v1/messages/count_tokens': 1,
    '/api/chat': 1,
    '/api/generate': 1,
    '/api/pull': 1,
    '/api/show': 1,
    '/mcp': 2,
  })
})

t.test(
  'routes stand under the family whose clients they serve, and all that is answered is described',
  async (t) => {
    const { paths } = await document(await testApp(t))
    t.same(paths['/v1/models'].get.tags, ['OpenAI'])
    t.same(paths['/api/tags'].get.tags, ['Ollama'])
    t.equal(paths['/infer'].post.tags, undefined)
    const { anyOf } = paths['/infer'].post.responses['200'].content['application/json'].schema
    const told = anyOf.map(({ properties }: { properties: object }) => Object.keys(properties)[1])
    t.same(told, ['response_text', 'dry_run'])
  },
)

t.test(
  'the page of the document works without TLS, links to its parts and needs nothing from elsewhere',
  async (t) => {
    const app = await testApp(t)
    const page = await app.inject('/docs')
    const policy = String(page.headers['content-security-policy'])
    t.match(policy, /^default-src 'self';/)
    t.notMatch(policy, /upgrade-insecure-requests|https?:|\w\.\w/)
    const initializer = await app.inject('/docs/static/swagger-initializer.js')
    t.match(initializer.body, /"deepLinking":true,"validatorUrl":null/)
  },
)

t.test('forms and bare pictures are described with all their fields, and answered as they are', async (t) => {
  const app = await testApp(t)
  const { parameters, requestBody } = (await document(app)).paths['/infer'].post
  const { content } = requestBody
  const json = content['application/json'].schema
  const form = content['multipart/form-data'].schema
  t.same(Object.keys(content), ['application/json', 'multipart/form-data', 'image/*', 'application/pdf'])
  t.same([json.required, form.required], [['prompt'], ['prompt', 'image']])
  const fields = Object.keys(json.properties).filter((name) => !/^images?$/.test(name))
  t.same(Object.keys(form.properties), [...fields, 'image'])
  t.same(
    parameters.map(({ name, required }: { name: string; required: boolean }) => [name, required]),
    ['dry_run', ...fields].map((name) => [name, false]),
  )

  const given = {
    prompt: 'a b',
    max_tokens: 5,
    stop: 'x',
    json_schema: '{"type":"string"}',
    deadline_ms: 1000,
  }
  const sent = new FormData()
  for (const [name, value] of Object.entries({ ...given, seed: '', system: '', top_k: '' }))
    sent.set(name, String(value))
  for (const picture of ['one', 'two']) sent.append('image', new Blob([picture]))
  const asForm = new Request('http://a', { method: 'POST', body: sent })
  const query = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]))
  for (const [type, payload, search] of [
    [asForm.headers.get('content-type') ?? '', Buffer.from(await asForm.arrayBuffer()), {}],
    ['image/*', Buffer.from('one'), query],
    ['application/pdf', Buffer.from('one'), query],
  ] as const) {
    const headers = { 'content-type': type }
    const answer = await app.inject({ method: 'POST', url: '/infer', payload, headers, query: search })
    t.match(answer.json(), { success: true, response_text: 'a b', metadata: { max_tokens: 5 } }, type)
  }
})
