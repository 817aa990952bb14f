import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { createAdmission } from '../../src/admission.ts'
import type { ChatEvent } from '../../src/engine/client.ts'
import { failure } from '../../src/errors.ts'
import type { PreparedImage } from '../../src/image/normalize.ts'
import { chatBody } from '../../src/inference/chat.ts'
import { type InferRequest, timestamp } from '../../src/inference/contract.ts'
import { createInference, type InferenceParts } from '../../src/inference/infer.ts'
import { checkPrompt, neutralizer } from '../../src/inference/prompt.ts'
import { someModel } from '../support/model-facts.ts'

const request: InferRequest = {
  prompt: 'What is <|im_end|>?',
  image: 'AAAA',
  max_tokens: 8,
  temperature: 0,
  top_p: 1,
  image_detail: 'auto',
}

const image: PreparedImage = {
  bytes: Buffer.from('picture'),
  mediaType: 'image/png',
  source: { format: 'WebP', width: 4, height: 2, bytes: 9 },
  rotation: 90,
  mirrored: false,
  sent: { format: 'png', width: 2, height: 4, bytes: 7, unchanged: false },
  tiles: undefined,
}

async function* answer(): AsyncGenerator<ChatEvent> {
  yield { type: 'text', text: 'a red ' }
  yield { type: 'text', text: 'square' }
  yield {
    type: 'end',
    finishReason: 'length',
    usage: { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 },
    timings: {
      cache_n: 64,
      prompt_ms: 1.234,
      predicted_ms: 5.678,
      predicted_per_second: Number.POSITIVE_INFINITY,
    },
  }
}

function parts(changes: Partial<InferenceParts['engine']> = {}): InferenceParts {
  return {
    modelName: 'tiny.gguf',
    maxPromptLength: 100,
    admission: createAdmission({ slots: 1, waiting: 1, waitSeconds: 5 }),
    prepareImage: async () => image,
    engine: {
      requireReady: () => {},
      ready: async () => {},
      status: () => ({
        state: 'ready',
        reason: undefined,
        since: new Date(),
        restarts: 0,
        threads: 1,
        model: someModel({ controlTokens: ['<|im_end|>'] }),
      }),
      async *chat(_body, _signal, onSettled) {
        yield* answer()
        onSettled()
      },
      ...changes,
    },
  }
}

const call = (signal = new AbortController().signal) => ({
  request,
  requestId: 'r1',
  ignoredFields: ['mood'],
  signal,
})

t.test('an answer carries what was asked, shown and measured', async (t) => {
  let prompt = ''
  const made = parts({
    async *chat(body, _signal, onSettled) {
      const [, text] = body.messages[0]?.content ?? []
      if (text?.type === 'text') prompt = text.text
      yield* answer()
      onSettled()
    },
  })
  const response = await createInference(made)(call())
  t.match(response, {
    success: true,
    response_text: 'a red square',
    model: 'tiny.gguf',
    token_usage: { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 },
    metadata: {
      max_tokens: 8,
      temperature: 0,
      top_p: 1,
      finish_reason: 'length',
      image: {
        format: 'WebP',
        width: 4,
        height: 2,
        bytes: 9,
        rotation: 90,
        sent: { width: 2, unchanged: false },
      },
      cached_prompt_tokens: 64,
      tokens_per_second: 0,
      timings_ms: { prompt: 1.23, generation: 5.68 },
      request_id: 'r1',
      ignored_fields: ['mood'],
    },
    error: null,
  })
  t.match(response.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/)
  t.equal(prompt, 'What is <\u200b|im_end|>?')
  t.equal(made.admission.inside, 0)
})

t.test('the slot goes back after every kind of failure', async (t) => {
  const made = parts()
  const broken = failure('corrupt_image', { format: 'PNG' })
  await t.rejects(createInference({ ...made, prepareImage: () => Promise.reject(broken) })(call()), broken)
  t.equal(made.admission.inside, 0)
  const notReady = failure('engine_failed', { reason: 'gone' })
  const engine = { ...made.engine, ready: () => Promise.reject(notReady) }
  await t.rejects(createInference({ ...made, engine })(call()), notReady)
  t.equal(made.admission.inside, 0)
  const loading = {
    ...made.engine,
    requireReady: () => {
      throw failure('engine_loading')
    },
  }
  await t.rejects(createInference({ ...made, engine: loading })(call()), { code: 'engine_loading' })
  t.equal(made.admission.inside, 0)
  const endless = {
    ...made.engine,
    async *chat(_b: unknown, _s: unknown, settled: () => void) {
      settled()
      yield { type: 'text' as const, text: '' }
    },
  }
  await t.rejects(createInference({ ...made, engine: endless })(call()), { message: /without its end/ })
  t.equal(made.admission.inside, 0)
})

t.test('after an abort in the engine the slot stays taken until the engine lets go', async (t) => {
  let letGo = () => {}
  const made = parts({
    async *chat(_body, signal, onSettled) {
      letGo = onSettled
      yield { type: 'text', text: 'a' }
      await sleep(5000, undefined, { signal }).catch(() => signal.throwIfAborted())
    },
  })
  const caller = new AbortController()
  const running = createInference(made)(call(caller.signal))
  await sleep(10)
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
  const prepareImage = async () => {
    caller.abort(failure('client_gone'))
    return image
  }
  await t.rejects(createInference({ ...made, prepareImage })(call(caller.signal)), { code: 'client_gone' })
  t.equal(asked, false)
  t.equal(made.admission.inside, 0)
})

t.test('the picture goes before the question', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), (prompt, bytes) => {
      const body = chatBody(request, prompt, { ...image, bytes: Buffer.from(bytes) })
      const [picture, text] = body.messages[0]?.content ?? []
      return (
        picture?.type === 'image_url' &&
        picture.image_url.url === `data:image/png;base64,${Buffer.from(bytes).toString('base64')}` &&
        text?.type === 'text' &&
        text.text === prompt
      )
    }),
  )
  t.end()
})

t.test('prompts are checked, each fault with its own code', (t) => {
  checkPrompt('What is this? \u{1f600}', 100)
  t.throws(() => checkPrompt('', 100), { code: 'empty_prompt' })
  t.throws(() => checkPrompt(' \n\t', 100), { code: 'empty_prompt' })
  t.throws(() => checkPrompt('x'.repeat(101), 100), {
    code: 'prompt_too_long',
    facts: { actual: 101, limit: 100 },
  })
  t.throws(() => checkPrompt('a\ud800b', 100), { code: 'broken_unicode', facts: { field: 'prompt' } })
  t.end()
})

t.test('no control token survives in a prompt, and nothing else changes', (t) => {
  const tokens = ['<|im_end|>', '<|im_start|>', '<s>', '[INST]', 'a.c']
  const neutralize = neutralizer(tokens)
  t.equal(neutralize('abc <s> [INST]'), 'abc <\u200bs> [\u200bINST]')
  t.equal(neutralizer([])('<s>'), '<s>')
  const pieces = fc.array(fc.oneof(fc.constantFrom(...tokens), fc.string()))
  fc.assert(
    fc.property(pieces, (list) => {
      const prompt = list.join('')
      const safe = neutralize(prompt)
      return (
        !tokens.some((token) => safe.includes(token)) &&
        safe.replaceAll('\u200b', '') === prompt.replaceAll('\u200b', '')
      )
    }),
  )
  t.end()
})

t.test('timestamps are UTC with six digits and no suffix', (t) => {
  t.equal(timestamp(new Date('2024-01-13T12:00:00Z')), '2024-01-13T12:00:00.000000')
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
      threads: 1,
      model: someModel({ projector: { ...someModel().projector, tiling } }),
    }),
  })
  const prepareImage = async (_: string, framing: unknown) => {
    asked.push(framing)
    return { ...image, tiles: 3 }
  }
  const low = { ...call(), request: { ...request, image_detail: 'low' as const } }
  const response = await createInference({ ...made, prepareImage })(low)
  t.same(asked, [{ detail: 'low', tiling }])
  t.match(response.metadata, { image_detail: 'low', image: { tiles: 3 } })
})
