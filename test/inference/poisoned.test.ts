/** What the memory of poison means for who asks: before the line, after it, and for a dry run. */
import t from 'tap'
import { createAdmission } from '../../src/admission.ts'
import type { Settled } from '../../src/engine/conduct.ts'
import type { ChatEvent } from '../../src/engine/wire.ts'
import { failure } from '../../src/errors.ts'
import { createEstimates } from '../../src/inference/estimates.ts'
import { createInference } from '../../src/inference/infer.ts'
import { createJsonChecker } from '../../src/inference/json-checker.ts'
import { createPoisonMemory } from '../../src/inference/poison.ts'
import { readyStatus, somePicture } from '../support/app.ts'
import { question } from '../support/inference.ts'
import { until } from '../support/until.ts'

const end: ChatEvent = {
  type: 'end',
  finishReason: 'stop',
  usage: { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 },
  timings: { cache_n: 0, prompt_ms: 4000, predicted_ms: 100, predicted_per_second: 10 },
}

/** `how` the engine settles each question; it answers only if that is so. */
function inference(how: { settled: Settled; hold?: Promise<void> }) {
  const asked: { expectedMs: number | undefined }[] = []
  const admission = createAdmission({ slots: 1, waiting: 8, waitSeconds: 60 })
  const made = createInference({
    ...{
      maxPromptLength: 100,
      maxImages: 2,
      maxTiles: 0,
      imageMaxTokens: 0,
      admission,
      prepareImages: async () => [somePicture],
    },
    ...{
      estimates: createEstimates(),
      json: createJsonChecker(),
      metrics: { answered() {}, failed() {} },
      poison: createPoisonMemory(),
    },
    engine: {
      requireReady() {},
      ready: async () => {},
      status: () => readyStatus,
      async *chat(_body, _signal, onSettled, expectedMs) {
        asked.push({ expectedMs })
        await how.hold
        onSettled(how.settled)
        if (how.settled !== 'answered') throw failure('engine_crashed')
        yield end
      },
      async countTokens() {
        if (how.settled !== 'answered') throw failure('engine_crashed')
        return 70
      },
    },
  })
  const { signal } = new AbortController()
  return {
    ...{ asked, admission, how },
    ask: () => made.infer({ question, door: 'infer', caller: 'somebody', signal }),
    plan: () => made.plan({ question, caller: 'somebody', signal }),
  }
}

t.test('after two ends nobody asks the engine again, not even in a dry run', async (t) => {
  const { ask, plan, asked, admission } = inference({ settled: 'engine ended' })
  for (const code of ['engine_crashed', 'engine_crashed', 'poison_request', 'poison_request'])
    await t.rejects(ask(), { code })
  await t.rejects(plan(), { code: 'poison_request' })
  t.equal(asked.length, 2)
  t.equal(admission.inside, 0)
  const other = admission.enter('another')
  await other.slot(new AbortController().signal)
  await t.rejects(ask(), { code: 'poison_request' }, 'nor waits in the line')
  other.leave()
})

t.test('those who waited in the line with the same are told as well', async (t) => {
  let go = () => {}
  const hold = new Promise<void>((resolve) => {
    go = resolve
  })
  const { ask, asked, admission } = inference({ settled: 'engine ended', hold })
  const all = Array.from({ length: 5 }, () => ask().catch(({ code }) => code))
  await until(() => admission.inside === 5, 'all of them')
  go()
  t.strictSame(await Promise.all(all), [
    ...Array(2).fill('engine_crashed'),
    ...Array(3).fill('poison_request'),
  ])
  t.equal(asked.length, 2)
})

t.test('a dry run can end the engine, too', async (t) => {
  const { ask, plan } = inference({ settled: 'engine ended' })
  await t.rejects(plan(), { code: 'engine_crashed' })
  await t.rejects(plan(), { code: 'engine_crashed' })
  await t.rejects(ask(), { code: 'poison_request' })
})

t.test('a dry run that went well says nothing of the answer', async (t) => {
  const { ask, plan, how } = inference({ settled: 'engine ended' })
  await t.rejects(ask(), { code: 'engine_crashed' })
  how.settled = 'answered'
  await plan()
  how.settled = 'engine ended'
  await t.rejects(ask(), { code: 'engine_crashed' })
  await t.rejects(ask(), { code: 'poison_request' })
})

t.test('the engine is told how long such a picture took before', async (t) => {
  const { ask, asked } = inference({ settled: 'answered' })
  await ask()
  await ask()
  t.strictSame(asked, [{ expectedMs: undefined }, { expectedMs: 4000 }])
})
