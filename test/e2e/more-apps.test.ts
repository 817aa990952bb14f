/** Further programs, as in `apps.test.ts`: cameras, captions for Immich, chats, editors and Ollama's command line. */
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import t from 'tap'
import { failures } from '../../src/errors.ts'
import { get, post, seen, star, starUrl, words } from '../support/app-requests.ts'
import { healthyService } from '../support/service.ts'

let at: string

t.before(async () => {
  const service = await healthyService(t, { CONTEXT_SIZE: '2048', MODEL_ALIASES: 'llama3.2-vision' })
  at = service.url
})

const model = 'llama3.2-vision'

t.test('Frigate describes what moved, in 6 frames and in 20', async (t) => {
  // blakeblackshear/frigate@13abc4c frigate/genai/ollama.py
  const client = new Ollama({ host: at })
  t.match(await client.show({ model }), { capabilities: ['completion', 'vision'] })
  const frames = (count: number) => ({
    model,
    prompt: 'Analyze the sequence of images containing the person. What is this?',
    images: Array<string>(count).fill(star),
    stream: false,
    options: { temperature: 0.5, repeat_penalty: 1.05, presence_penalty: 0.3 },
  })
  t.match(words(await post(`${at}/api/generate`, frames(6))), /\w/)
  const refused = await post(`${at}/api/generate`, frames(20))
  t.equal(refused.status, 400)
  t.equal(
    JSON.parse(refused.text).error,
    'The request has 20 pictures; at most 8 are accepted, which MAX_IMAGES sets',
  )
  const roomy = await healthyService(t, { CONTEXT_SIZE: '2048', MAX_IMAGES: '20', MODEL_ALIASES: model })
  t.match(words(await post(`${roomy.url}/api/generate`, frames(20))), /\w/)
})

t.test('Frigate reviews a scene by chat, and speaks to llama-server', async (t) => {
  // blakeblackshear/frigate@01f3369 frigate/genai/plugins/ollama.py: marks stand for the pictures
  const review = await post(`${at}/api/chat`, {
    model,
    messages: [{ role: 'user', content: 'Describe the scene.\n[img]', images: [star] }],
    stream: false,
    options: { temperature: 0.5, repeat_penalty: 1.05, presence_penalty: 0.3 },
  })
  t.match(words(review), seen)
  // blakeblackshear/frigate@06ce190 frigate/genai/plugins/llama_cpp.py
  type Entry = { id: string; architecture: { input_modalities: string[] }; meta: { n_ctx: number } }
  const entries = (await get(`${at}/v1/models`)).body.data as Entry[]
  const entry = entries.find(({ id }) => id === model)
  t.match(entry, { architecture: { input_modalities: ['text', 'image'] }, meta: { n_ctx: 2048 } })
  t.match((await get(`${at}/props?model=${model}`)).body, { modalities: { vision: true } })
  const { text } = await post(`${at}/v1/chat/completions`, {
    model,
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Describe the scene.' },
          { type: 'image_url', image_url: { url: starUrl } },
        ],
      },
    ],
  })
  t.match(JSON.parse(text).choices[0].message.content, seen)
})

t.test('tools write captions for Immich', async (t) => {
  // mmanjos/immich-ollama-describe-images@d30fa4c immich-ollama-describe-images.py
  const client = new Ollama({ host: at })
  t.ok((await client.list()).models.some(({ name }) => name === model))
  const { response } = await client.generate({
    model,
    prompt: 'Describe this image in 5 sentences or fewer.',
    images: [star],
    options: { num_predict: 1000, temperature: 0.1 },
  })
  t.match(response, seen)
  // seconion/immich-go-analyze@6a6229b main.go, timasoft/immich-analyze@4127bb8 src/ollama.rs
  for (const options of [{ options: { num_predict: 500, temperature: 0.1 } }, {}]) {
    const messages = [{ role: 'user', content: 'Describe this image concisely.', images: [star] }]
    t.match(words(await post(`${at}/api/chat`, { model, stream: false, messages, ...options })), seen)
  }
})

t.test('Open WebUI lists the model and chats with it', async (t) => {
  // open-webui/open-webui@0007ff3 backend/open_webui/routers/ollama.py; utils/payload.py@05746a9: OpenAI's
  // frequency_penalty goes by the name of repeat_penalty, 0 included
  t.match((await get(`${at}/api/version`)).body, { version: /^\d+\.\d+\.\d+$/ })
  const listed = (await get(`${at}/api/tags`)).body.models as { model: string }[]
  const loaded = (await get(`${at}/api/ps`)).body.models as { name: string; expires_at: string }[]
  t.same(
    loaded.map(({ name }) => name),
    listed.map(({ model }) => model),
  )
  t.ok(loaded.every(({ expires_at }) => Date.parse(expires_at) > Date.now()))
  const chat = await post(`${at}/api/chat`, {
    model: `${model}:latest`,
    messages: [{ role: 'user', content: 'What colour is it?', images: [star] }],
    stream: true,
    options: {
      ...{ temperature: 0, repeat_penalty: 0, new_topic_penalty: 0, seed: -1, stop: [] },
      ...{ mirostat: 0, mirostat_eta: 0.1, num_keep: 24, repeat_last_n: -1, tfs_z: 1, top_k: -1, num_gpu: 0 },
    },
    metadata: { chat_id: 'a' },
  })
  t.equal(words(chat), 'green')
})

t.test('VS Code, Continue and LiteLLM learn what the model can', async (t) => {
  // microsoft/vscode-copilot-chat@0ea4ed3 src/extension/byok/vscode-node/ollamaProvider.ts
  const [major = 0, minor = 0, patch = 0] = String((await get(`${at}/api/version`)).body.version)
    .split('.')
    .map(Number)
  t.ok(major * 1e6 + minor * 1e3 + patch >= 6_004)
  for (const { model: name } of (await get(`${at}/api/tags`)).body.models as { model: string }[]) {
    const { model_info, capabilities, ...shown } = JSON.parse(
      (await post(`${at}/api/show`, { model: name })).text,
    )
    t.match(model_info, { 'general.basename': /\w/, 'mllama.context_length': Number })
    t.strictSame(capabilities, ['completion', 'vision'])
    // continuedev/continue@0108be5 core/llm/llms/Ollama.ts reads lines of a name and a value
    t.match(/^(\S+)\s+(\S+)$/.exec(shown.parameters)?.slice(1), ['num_ctx', '2048'])
    // BerriAI/litellm@0246769 litellm/llms/ollama/completion/transformation.py takes the word for a tool caller
    t.notMatch(shown.template, /tools|\.Suffix/i)
  }
  const client = new OpenAI({ apiKey: 'none', baseURL: `${at}/v1`, maxRetries: 0 })
  t.match(await client.models.retrieve(`${model}:latest`), { id: `${model}:latest`, max_model_len: 2048 })
})

t.test("Ollama's command line runs, lists and pulls", async (t) => {
  // ollama/ollama@001a52c cmd/cmd.go, api/client.go, api/types.go
  t.equal((await fetch(at, { method: 'HEAD' })).status, 200)
  const show = await post(`${at}/api/show`, {
    model: '',
    system: '',
    template: '',
    options: null,
    name: model,
  })
  t.match(JSON.parse(show.text), {
    details: { families: ['mllama', 'clip'] },
    model_info: { 'general.architecture': 'mllama' },
  })
  const loaded = await post(`${at}/api/chat`, { model, messages: [], format: '', options: {} })
  t.match(JSON.parse(loaded.text), { done: true, done_reason: 'load' })
  const messages = [{ role: 'user', content: 'What is this?', images: [star] }]
  t.match(words(await post(`${at}/api/chat`, { model, messages, format: '', options: {} })), seen)
  for (const entry of (await get(`${at}/api/tags`)).body.models as Record<string, unknown>[])
    t.match(entry, { digest: /^\w{64}$/, size: Number, modified_at: /Z$/ })
  const pulled = await post(`${at}/api/pull`, {
    model: '',
    insecure: false,
    username: '',
    password: '',
    name: model,
  })
  t.match(pulled.text, /^\{"status":.*\}\n\{"status":"success"\}\n$/)
  const other = await post(`${at}/api/pull`, { model: '', name: 'llava' })
  t.equal(other.status, failures.not_supported.status)
  t.match(JSON.parse(other.text).error, /Pulling llava is not offered: .*llama3\.2-vision/)
})

t.test('the engine takes what every door lets through', async (t) => {
  const ends = {
    ...{ temperature: [0, 2], top_k: [0, 1_000_000], min_p: [0, 1], repeat_penalty: [0.01, 10] },
    ...{ top_p: [1e-300, 1], seed: [0, 2 ** 32 - 1] },
  }
  for (const [field, values] of Object.entries(ends)) {
    for (const value of values) {
      const { text } = await post(`${at}/infer`, {
        prompt: 'colour',
        image: star,
        max_tokens: 2,
        [field]: value,
      })
      t.match(JSON.parse(text), { success: true }, `${field}: ${value}`)
    }
  }
  const names = [
    ...['temperature', 'top_p', 'top_k', 'min_p', 'repeat_penalty', 'repeat_last_n', 'seed'],
    ...['presence_penalty', 'frequency_penalty', 'num_predict'],
  ]
  for (const value of [-1e300, -1, -0.5, 0, 1e-300, 0.5, 1, 2.5, 1e300]) {
    const options = Object.fromEntries(names.map((name) => [name, value]))
    const { status, text } = await post(`${at}/api/generate`, {
      ...{ model, prompt: 'colour', images: [star], stream: false },
      options: { ...options, num_predict: 2 },
    })
    t.equal(status, 200, `${value}: ${text}`)
  }
})
