/** What an answer took, stage by stage, as `/metrics` and `timings_ms` tell it. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createAdmission } from '../../src/admission.ts'
import type { ChatEvent } from '../../src/engine/wire.ts'
import { failure } from '../../src/errors.ts'
import { createEstimates } from '../../src/inference/estimates.ts'
import { createInference } from '../../src/inference/infer.ts'
import { createJsonChecker } from '../../src/inference/json-checker.ts'
import { createPoisonMemory } from '../../src/inference/poison.ts'
import { defaults } from '../../src/inference/question.ts'
import type { Stages } from '../../src/metrics.ts'
import { readyStatus, somePicture } from '../support/app.ts'

const question = {
  messages: [{ role: 'user' as const, parts: [{ type: 'image' as const, image: 'AAAA', field: 'image' }] }],
  detail: 'auto' as const,
  pages: 1,
  sampling: defaults,
}

const end = (completion_tokens: number): ChatEvent => ({
  type: 'end',
  finishReason: 'stop',
  usage: { prompt_tokens: 70, completion_tokens, total_tokens: 70 + completion_tokens },
  timings: { cache_n: 64, prompt_ms: 500, predicted_ms: 200, predicted_per_second: 10 },
})

/** Pictures take 60 ms, the slot 120 ms, the engine 240 ms, of which it says that 200 were the answer's. */
async function figures(completion_tokens = 5) {
  const heard: { took: Stages; tokens: object; door: string; outcome: string }[] = []
  const failed: string[] = []
  const admission = createAdmission({ slots: 1, waiting: 1, waitSeconds: 5 })
  const holder = admission.enter('a')
  await holder.slot(new AbortController().signal)
  const inference = createInference({
    maxPromptLength: 100,
    maxImages: 2,
    maxTiles: 0,
    imageMaxTokens: 0,
    estimates: createEstimates(),
    json: createJsonChecker(),
    metrics: {
      answered: (door, outcome, took, tokens) => heard.push({ door, outcome, took, tokens }),
      failed: (_, code) => failed.push(code),
    },
    admission,
    poison: createPoisonMemory(),
    prepareImages: async () => {
      await sleep(60)
      return [somePicture]
    },
    engine: {
      requireReady: () => {},
      ready: async () => {},
      status: () => readyStatus,
      async *chat(_body, _signal, onSettled) {
        await sleep(240)
        yield end(completion_tokens)
        onSettled('answered')
      },
      countTokens: async () => 1,
    },
  })
  const began = performance.now()
  let places = 0
  const answer = await inference.infer({
    question,
    door: 'ollama',
    caller: 'a',
    signal: new AbortController().signal,
    // Told when it comes, and again once it waits for nothing but its slot.
    tell({ type }) {
      if (type === 'queued') places += 1
      if (type === 'queued' && places === 2) setTimeout(holder.leave, 120)
    },
  })
  const passed = (performance.now() - began) / 1000
  const [first] = heard
  if (!first) throw new Error('Nothing was counted')
  return { answer, inference, failed, passed, ...first }
}

/** A timer may be late on a busy machine, and a millisecond early by its clock's rounding; never more. */
const atLeast = (seconds: number | undefined, least: number) => (seconds ?? 0) >= least - 0.003

t.test('each stage has its own time', async (t) => {
  const { answer, took, tokens, door, outcome, passed } = await figures()
  t.ok(atLeast(took.image, 0.06), `image ${took.image}`)
  t.ok(atLeast(took.queue, 0.12), `queue ${took.queue}`)
  t.equal(took.prompt, 0.5, 'as the engine says')
  t.ok(atLeast(took.total, 0.42), `total ${took.total}`)
  t.ok(took.total <= passed + 0.001, `${took.total} of ${passed} s`)
  t.ok(took.image + took.queue <= took.total, 'no time is told twice')
  t.equal(took.firstToken.toFixed(4), (took.total - 0.2).toFixed(4), 'all but the tokens after it')
  t.equal(took.perToken, 0.05, 'four tokens after the first in 0.2 s')
  t.same(tokens, { prompt: 70, cached: 64, answer: 5 })
  t.same({ door, outcome }, { door: 'ollama', outcome: 'stop' })
  t.same(answer.timings, {
    queue: took.queue * 1000,
    image: took.image * 1000,
    prompt: 500,
    generation: 200,
    total: took.total * 1000,
  })
})

t.test('an answer of one token has no time for further ones', async (t) => {
  t.equal((await figures(1)).took.perToken, undefined)
})

t.test('what failed is counted by its code, and nothing of a stranger becomes a label', async (t) => {
  const { inference, failed } = await figures()
  const gone = AbortSignal.abort(failure('client_gone'))
  await t.rejects(inference.infer({ question, door: 'infer', caller: 'a', signal: gone }), {
    code: 'client_gone',
  })
  const broken = AbortSignal.abort(new Error('anything'))
  await t.rejects(inference.infer({ question, door: 'infer', caller: 'a', signal: broken }), /anything/)
  t.same(failed, ['client_gone', 'internal_error'])
})
