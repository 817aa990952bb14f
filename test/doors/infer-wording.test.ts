/** `/infer`'s words, in full: what a stream tells on the way, a dry run, and an answer to a schema. */
import t from 'tap'
import type { Answer, InferenceEvent, JsonFault } from '../../src/inference/question.ts'
import { answerOf, somePicture, testApp } from '../support/app.ts'

const asked = { prompt: 'What?', image: 'AAAA', max_tokens: 100 }
const reported = {
  ...somePicture.source,
  rotation: 0,
  mirrored: false,
  sent: somePicture.sent,
  tiles: null,
  tokens: null,
}

t.test('a stream names each event and gives its facts', async (t) => {
  const events: InferenceEvent[] = [
    { type: 'queued', position: 2, secondsLeft: 31.5 },
    { type: 'queued', position: 1, secondsLeft: null },
    { type: 'image', image: { ...somePicture, tiles: 3 }, done: 1, total: 2 },
    { type: 'prompt', processed: 5, cached: 1, total: 9, secondsLeft: 12 },
    { type: 'picture', done: 10, total: 40, secondsLeft: 8.5 },
    { type: 'token', text: 'a red' },
  ]
  const app = await testApp(t, {
    infer: async ({ tell }) => {
      for (const event of events) tell?.(event)
      return answerOf('a red')
    },
  })
  const { body, headers } = await app.inject({
    method: 'POST',
    url: '/infer',
    payload: { ...asked, stream: true },
  })
  t.equal(headers['content-type'], 'text/event-stream; charset=utf-8')
  const told = body
    .trim()
    .split('\n\n')
    .map((event) => {
      const [, name, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []
      return [name, JSON.parse(data)]
    })
  t.same(told.slice(0, 6), [
    ['queued', { position: 2, seconds_left: 31.5 }],
    ['queued', { position: 1, seconds_left: null }],
    ['progress', { stage: 'image', done: 1, total: 2, image: { ...reported, tiles: 3 } }],
    ['progress', { stage: 'prompt', processed: 5, cached: 1, total: 9, seconds_left: 12 }],
    ['progress', { stage: 'picture', done: 10, total: 40, seconds_left: 8.5 }],
    ['token', { text: 'a red' }],
  ])
  t.equal(told[6]?.[0], 'done')
  t.match(told[6]?.[1], { success: true, response_text: 'a red' })
  t.equal(told.length, 7)
})

t.test('a dry run tells what fits and what it would take', async (t) => {
  let seconds: { queue: number; prompt: number; generation: number } | null = {
    queue: 1,
    prompt: 2.004,
    generation: 3,
  }
  let promptTokens = 1948
  const app = await testApp(t, {
    plan: async () => ({ images: [somePicture], promptTokens, ahead: 3, seconds }),
  })
  const plan = async () =>
    (await app.inject({ method: 'POST', url: '/infer?dry_run=1', payload: asked })).json()
  const { timestamp: _, ...whole } = await plan()
  t.same(whole, {
    success: true,
    dry_run: true,
    model: 'tiny.gguf',
    images: [{ ...reported, preview: `data:image/png;base64,${somePicture.bytes.toString('base64')}` }],
    prompt_tokens: 1948,
    max_tokens: 100,
    context_size: 2048,
    fits: true,
    queue_position: 3,
    expected_seconds: { queue: 1, prompt: 2.004, generation: 3, total: 6 },
  })
  promptTokens = 1949
  seconds = null
  t.match(await plan(), { fits: false, expected_seconds: null })
})

t.test('an answer tells whether it follows the schema that was asked for', async (t) => {
  let jsonFault: Answer['jsonFault']
  const app = await testApp(t, {
    infer: async () => ({ ...answerOf('{}'), jsonFault, images: [somePicture, somePicture] }),
  })
  const metadata = async () =>
    (await app.inject({ method: 'POST', url: '/infer', payload: { ...asked, extra: 1 } })).json().metadata
  t.equal((await metadata()).json, null)
  jsonFault = null
  t.same((await metadata()).json, { valid: true, reason: null, message: null })
  jsonFault = { reason: 'truncated', message: 'cut off' } satisfies JsonFault
  const { json, images, image, ignored_fields, timings_ms } = await metadata()
  t.same(json, { valid: false, reason: 'truncated', message: 'cut off' })
  t.same(images, [reported, reported])
  t.same(image, reported)
  t.same(ignored_fields, ['extra'])
  t.same(timings_ms, { queue: 1, image: 2, prompt: 3, generation: 4, total: 10 })
})
