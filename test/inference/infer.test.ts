import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { Settled } from '../../src/engine/conduct.ts'
import { failure } from '../../src/errors.ts'
import type { PrepareImages } from '../../src/image/prepare.ts'
import { chatBody } from '../../src/inference/chat.ts'
import { type Call, createInference } from '../../src/inference/infer.ts'
import type { InferenceEvent, Question } from '../../src/inference/question.ts'
import { answer, ask, call, image, parts, question } from '../support/inference.ts'
import { someModel } from '../support/model-facts.ts'
import { until } from '../support/until.ts'

t.test('an answer carries what was shown and measured, and is told as it is made', async (t) => {
  let prompt = ''
  const made = parts({
    async *chat(body, _signal, onSettled) {
      const [, text] = body.messages[0]?.content ?? []
      if (typeof text === 'object' && text.type === 'text') prompt = text.text
      yield* answer()
      onSettled('answered')
    },
  })
  const told: InferenceEvent[] = []
  const answered = await ask(made, { ...call(), tell: (event) => told.push(event) })
  t.match(answered, {
    text: 'a red square',
    finishReason: 'length',
    usage: { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 },
    images: [image],
    cachedTokens: 64,
    tokensPerSecond: 0,
    timings: { prompt: 1.23, generation: 5.68 },
    jsonFault: undefined,
  })
  t.equal(prompt, 'What is <\u200b|im_end|>?')
  t.same(
    told.map(({ type }) => type),
    ['queued', 'image', 'prompt', 'token', 'token'],
  )
  t.equal(made.admission.inside, 0)
})

t.test('the seconds left of a picture are those of its layers so far', async (t) => {
  const made = parts({
    async *chat(_body, _signal, onSettled) {
      await sleep(30)
      yield { type: 'picture', done: 1, total: 1001 }
      yield { type: 'picture', done: 1001, total: 1001 }
      yield* answer()
      onSettled('answered')
    },
  })
  const told: InferenceEvent[] = []
  await ask(made, { ...call(), tell: (event) => told.push(event) })
  const [first, last] = told.filter(({ type }) => type === 'picture')
  t.ok(first?.type === 'picture' && first.secondsLeft >= 29, 'a thousand times 30 ms')
  t.match(last, { done: 1001, total: 1001, secondsLeft: 0 })
})

t.test('a plan tells what would happen and takes no place', async (t) => {
  const made = parts()
  const first = await createInference(made).plan(call())
  t.match(first, { promptTokens: 66, ahead: 0, seconds: null, images: [image] })
  made.estimates.learn(
    { images: [image], characters: 0, maxTokens: 8 },
    {
      type: 'end',
      finishReason: 'stop',
      usage: { prompt_tokens: 70, completion_tokens: 11, total_tokens: 81 },
      timings: { cache_n: 0, prompt_ms: 2000, predicted_ms: 1000, predicted_per_second: 10 },
    },
  )
  const second = await createInference(made).plan(call())
  t.same(second.seconds, { queue: 0, prompt: 2, generation: 0.8 }, '8 tokens at a tenth of a second')
  t.equal(made.admission.inside, 0)
})

t.test('pictures are bounded in number, and a faulty one is named by its place', async (t) => {
  const part = { type: 'image' as const, image: 'AAAA', field: 'images/1' }
  const asking = (count: number): Call => ({
    ...call(),
    question: { ...question, messages: [{ role: 'user', parts: Array(count).fill(part) }] },
  })
  await t.rejects(ask(parts(), asking(3)), { code: 'too_many_images', facts: { actual: 3, limit: 2 } })
  const prepareImages: PrepareImages = ({ field }) => Promise.reject(failure('invalid_base64', { field }))
  await t.rejects(ask({ ...parts(), prepareImages }, asking(1)), {
    message: /^Field images\/1 is not valid base64/,
    facts: { field: 'images/1' },
  })
  const pages: PrepareImages = async () => [image, image, image]
  await t.rejects(ask({ ...parts(), prepareImages: pages }, asking(1)), {
    code: 'too_many_images',
    facts: { actual: 3, limit: 2 },
  })
  const noPages: PrepareImages = async () => []
  await t.rejects(ask({ ...parts(), prepareImages: noPages }, asking(1)), {
    code: 'no_pages',
    status: 400,
    facts: { field: 'images/1' },
  })
})

t.test('the slot goes back after every kind of failure', async (t) => {
  const made = parts()
  const broken = failure('corrupt_image', { format: 'PNG' })
  await t.rejects(ask({ ...made, prepareImages: () => Promise.reject(broken) }, call()), broken)
  t.equal(made.admission.inside, 0)
  const notReady = failure('engine_failed', { reason: 'gone' })
  const engine = { ...made.engine, ready: () => Promise.reject(notReady) }
  await t.rejects(ask({ ...made, engine }, call()), notReady)
  t.equal(made.admission.inside, 0)
  const loading = {
    ...made.engine,
    requireReady: () => {
      throw failure('engine_loading')
    },
  }
  await t.rejects(ask({ ...made, engine: loading }, call()), { code: 'engine_loading' })
  t.equal(made.admission.inside, 0)
  const endless = {
    ...made.engine,
    async *chat(_b: unknown, _s: unknown, settled: (how: Settled) => void) {
      settled('answered')
      yield { type: 'text' as const, text: '' }
    },
  }
  await t.rejects(ask({ ...made, engine: endless }, call()), { message: /without its end/ })
  t.equal(made.admission.inside, 0)
})

t.test('after an abort in the engine the slot stays taken until the engine lets go', async (t) => {
  let letGo = () => {}
  let asked = false
  const made = parts({
    async *chat(_body, signal, onSettled) {
      letGo = () => onSettled('given up')
      asked = true
      yield { type: 'text', text: 'a' }
      await sleep(5000, undefined, { signal }).catch(() => signal.throwIfAborted())
    },
  })
  const caller = new AbortController()
  const running = ask(made, call(caller.signal))
  await until(() => asked, 'the engine')
  caller.abort(failure('deadline_exceeded', { limit: 1 }))
  await t.rejects(running, { code: 'deadline_exceeded', status: 504 })
  t.equal(made.admission.inside, 1)
  letGo()
  t.equal(made.admission.inside, 0)
})

t.test('a client that leaves while its picture is prepared never reaches the engine', async (t) => {
  let asked = false
  const caller = new AbortController()
  const made = parts({
    async *chat() {
      asked = true
      yield* answer()
    },
  })
  const prepareImages = async () => {
    caller.abort(failure('client_gone'))
    return [image]
  }
  await t.rejects(ask({ ...made, prepareImages }, call(caller.signal)), { code: 'client_gone' })
  t.equal(asked, false)
  t.equal(made.admission.inside, 0)
})

t.test('parts keep their order, and texts alone are sent as a text', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), (prompt, bytes) => {
      const images = [{ ...image, bytes: Buffer.from(bytes) }]
      const text = { type: 'text' as const, text: 'asked', field: 'prompt' }
      const asked = [{ role: 'user' as const, parts: [{ type: 'image' as const, images }, text] }]
      const body = chatBody({ ...question, messages: asked }, () => prompt)
      const url = `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`
      t.same(body.messages[0]?.content, [
        { type: 'image_url', image_url: { url } },
        { type: 'text', text: prompt },
      ])
    }),
    { numRuns: 20 },
  )
  const part = (text: string) => ({ type: 'text' as const, text, field: 'system' })
  const system = { ...question, messages: [{ role: 'system' as const, parts: [part('a'), part('b')] }] }
  const asking = (json?: Question['json']) => chatBody({ ...system, json }, (text) => text)
  t.strictSame(asking(), { ...question.sampling, messages: [{ role: 'system', content: 'a\nb' }] })
  t.same(asking(true).response_format, { type: 'json_object' })
  const schema = { type: 'string' }
  t.same(asking(schema).response_format, { type: 'json_schema', json_schema: { name: 'answer', schema } })
  t.end()
})

t.test('a line break does not end an answer in JSON, where it stands between two parts of it', (t) => {
  const stop = ['END', '\n\n', '}\r\n', '  ']
  const stopsOf = (json?: Question['json']) =>
    chatBody({ ...question, messages: [], json, sampling: { ...question.sampling, stop } }, (text) => text)
      .stop
  t.strictSame(stopsOf(), stop)
  for (const json of [true, { type: 'object' }] as const) t.strictSame(stopsOf(json), ['END', '  '])
  t.end()
})

t.test('the picture is framed as the caller asks and the model allows', async (t) => {
  const tiling = { side: 560, most: 4 }
  const asked: unknown[] = []
  const made = parts({
    status: () => ({
      state: 'ready',
      since: new Date(),
      reason: undefined,
      restarts: 0,
      contextTokens: undefined,
      threads: 1,
      pid: 1,
      model: someModel({ projector: { ...someModel().projector, tiling } }),
    }),
  })
  const prepareImages: PrepareImages = async (_, framing) => {
    asked.push(framing)
    return [{ ...image, tiles: 3 }]
  }
  const low: Call = { ...call(), question: { ...question, detail: 'low' } }
  const answered = await ask({ ...made, prepareImages }, low)
  t.same(asked, [{ detail: 'low', tiling, tileLimit: 4, pages: 1 }])
  t.match(answered.images, [{ tiles: 3 }])
})
