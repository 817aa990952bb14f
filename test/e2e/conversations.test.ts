/** What clients send that is right by definition, whatever order and dialect they have: asked of the real engine. */
import sharp from 'sharp'
import t from 'tap'
import { encodeScene, FIRST_HELD_OUT_SEED } from '../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../models/drawings/questions.ts'
import { png } from '../support/images.ts'
import { healthyService, infer, type RunningService } from '../support/service.ts'

let service: RunningService

t.before(async () => {
  service = await healthyService(t, { CONTEXT_SIZE: '1024' })
})

const post = async (path: string, body: object) => {
  const response = await fetch(service.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: answers of three doors, of which the tests say what they hold
  return { status: response.status, body: (await response.json()) as any }
}

const question = 'What colour is it?'
const text = { type: 'text', text: question }
const shown = (image: Buffer) => ({
  type: 'image_url',
  image_url: { url: `data:image/png;base64,${image.toString('base64')}` },
})
const chat = (messages: object[]) =>
  post('/v1/chat/completions', { model: 'demo', messages, temperature: 0, max_tokens: 16 })

t.test('a picture behind its text, or in a message of its own, is the same question', async (t) => {
  for (const { scene } of heldOutQuestions(3, FIRST_HELD_OUT_SEED + 2_000_000)) {
    const image = await encodeScene(scene, 'png')
    const user = (...content: object[]) => ({ role: 'user', content })
    const first = await chat([user(shown(image), text)])
    const said = first.body.choices[0].message.content
    t.match(said, /^[a-z ]+$/)
    for (const messages of [
      [user(text, shown(image))],
      [{ role: 'user', content: question }, user(shown(image))],
    ]) {
      const { status, body } = await chat(messages)
      t.equal(status, 200)
      t.equal(body.choices[0].message.content, said)
    }
    // As LangChain's ChatOllama sends the two.
    const apart = [
      { role: 'user', content: question },
      { role: 'user', content: '', images: [image.toString('base64')] },
    ]
    const { body } = await post('/api/chat', {
      ...{ messages: apart, stream: false, options: { temperature: 0, num_predict: 16 } },
    })
    t.equal(body.message.content, said)
    const other = await chat([user({ type: 'text', text: 'How many shapes are there?' }, shown(image))])
    const { cached_tokens } = other.body.usage.prompt_tokens_details
    t.ok(cached_tokens >= 6, `another question reuses the picture: ${cached_tokens} tokens`)
  }
})

t.test('a conversation may have more pictures than there is room for', async (t) => {
  const messages: object[] = []
  for (const { scene, question, answer } of heldOutQuestions(4, FIRST_HELD_OUT_SEED + 3_000_000)) {
    // Large enough for all four tiles of the model.
    const large = sharp(await encodeScene(scene, 'png')).resize(1200, 1200, {
      fit: 'fill',
      kernel: 'nearest',
    })
    const image = shown(await large.png().toBuffer())
    messages.push({ role: 'user', content: [{ type: 'text', text: question }, image] })
    const { status, body } = await chat(messages)
    t.equal(status, 200, JSON.stringify(body))
    messages.push({ role: 'assistant', content: answer })
  }
  const nine = Array.from({ length: 9 }, () => messages[0])
  const { status, body } = await chat(nine as object[])
  t.equal(status, 400)
  t.match(body.error, { code: 'too_many_images' })
})

t.test('an answer is held to a schema of any draft', async (t) => {
  const image = (await png()).toString('base64')
  const colour = { enum: ['red', 'blue'] }
  for (const json_schema of [
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      ...{ type: 'array', prefixItems: [colour, { type: 'boolean' }], items: false, minItems: 2 },
    },
    {
      $schema: 'http://json-schema.org/draft-04/schema#',
      ...{ id: 'http://example.com/count', type: 'object', required: ['n'] },
      properties: { n: { type: 'integer', minimum: 0, exclusiveMinimum: true, maximum: 9 } },
    },
    {
      $id: 'https://example.com/colour',
      ...{ $defs: { colour: { $anchor: 'colour', ...colour } }, type: 'object', required: ['a'] },
      properties: { a: { $ref: '#colour' } },
    },
  ]) {
    const { status, body } = await infer(service.url, {
      ...{ prompt: question, image, temperature: 0, max_tokens: 64, json_schema },
    })
    t.equal(status, 200, JSON.stringify(body))
    t.same(body.metadata.json, { valid: true, reason: null, message: null }, body.response_text)
  }
})

t.test('whatever bytes the model writes are an answer', async (t) => {
  const image = (await png()).toString('base64')
  // Every fortieth such answer of this model has some that are no UTF-8.
  const wild = { temperature: 2, top_p: 1, top_k: 0, min_p: 0, max_tokens: 48 }
  for (let seed = 1; seed <= 60; seed += 1) {
    const { status } = await infer(service.url, { prompt: question, image, ...wild, seed })
    if (status !== 200) t.fail(`seed ${seed}: status ${status}`)
  }
})
