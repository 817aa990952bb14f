/** From the start of an engine to ready and on, as the watch sees it: through four questions it asks. */
import t, { type Test } from 'tap'
import { type Watched, watch } from '../../src/engine/watch.ts'
import { keptLog, quickTimings } from '../support/fake-engine.ts'
import { someModel } from '../support/model-facts.ts'

type Script = {
  /** Statuses of health in order, 0 for no answer; the last one stays. */
  health?: number[]
  /** Whether the first, second ... look at what is loaded gets an answer; the last one stays. */
  tells?: boolean[]
  vision?: boolean
  /** Whether the first, second ... look at the slots gets an answer; after these none does. */
  slots?: boolean[]
  times?: Partial<Watched['times']>
}

function watched(t: Test, { health = [200], tells = [true], vision = true, slots = [], times = {} }: Script) {
  const asked = { health: 0, properties: 0, slots: 0, ready: 0 }
  const over = new AbortController()
  const log = keptLog()
  const nth = <Value>(list: Value[], index: number) => list[Math.min(index, list.length - 1)] as Value
  const watched: Watched = {
    engine: {
      async health() {
        const status = nth(health, asked.health++)
        if (status === 0) throw new Error('nobody there')
        return status
      },
      async properties() {
        if (!nth(tells, asked.properties++)) throw new Error('no word')
        return { modalities: { vision }, model_alias: 'tiny.gguf' }
      },
      async busySlots() {
        if (!slots[asked.slots++]) throw new Error('silence')
        return 0
      },
      chat: () => t.fail('no picture is asked about') as never,
    },
    name: 'tiny.gguf',
    model: someModel(),
    visionCheck: 'off',
    times: { ...quickTimings, healthPoll: 1, watch: 1, misses: 3, ...times },
    log,
    onReady: () => {
      asked.ready += 1
    },
  }
  return { asked, over, log, end: watch(watched, over.signal) }
}

t.test('waits until the model is loaded', async (t) => {
  const { asked, end } = watched(t, { health: [0, 503, 503, 200] })
  await end
  t.match(asked, { health: 4, properties: 1, ready: 1 })
})

t.test('loading has its limit', async (t) => {
  const { asked, end } = watched(t, { health: [503], times: { loadLimit: -1 } })
  t.strictSame(await end, { sentence: 'The engine did not finish loading the model', retry: 'slowly' })
  t.match(asked, { health: 1, properties: 0, ready: 0 })
})

t.test('an engine without eyes is given up until files change', async (t) => {
  const { asked, log, end } = watched(t, { vision: false })
  t.match(await end, { sentence: /without its vision projector/, retry: 'when files change' })
  t.match(asked, { properties: 1, ready: 0 })
  t.strictSame(log.lines, [])
})

t.test('an engine that is slow to tell what it is gets asked again', async (t) => {
  const { asked, log, end } = watched(t, { tells: [false, false, true] })
  await end
  t.match(asked, { properties: 3, ready: 1 })
  t.match(log.lines, [
    { level: 'warn', facts: { tries: 1 }, message: /did not tell what it has loaded .*; asking again/ },
    { level: 'warn', facts: { tries: 2 } },
  ])
})

t.test('an engine that never tells what it is may do better after another start', async (t) => {
  const { asked, end } = watched(t, { tells: [false] })
  t.match(await end, { sentence: /did not tell what it has loaded/, retry: 'backoff' })
  t.match(asked, { properties: 3, ready: 0 })
})

t.test('silence counts only in a row', async (t) => {
  const { asked, end } = watched(t, { slots: [true, false, false, true, false, false, false] })
  t.strictSame(await end, { sentence: 'The engine stopped answering and was ended', retry: 'backoff' })
  t.match(asked, { slots: 7, ready: 1 })
})

t.test('an engine that is over is not waited for, and never ready', async (t) => {
  const long = { healthPoll: 1e8, watch: 1e8, loadLimit: 1e9 }
  const loading = watched(t, { health: [503], times: long })
  loading.over.abort()
  await loading.end
  t.equal(loading.asked.ready, 0)
  const silent = watched(t, { tells: [false], times: long })
  silent.over.abort()
  await silent.end
  t.match(silent.asked, { properties: 1, ready: 0 })
  const running = watched(t, { slots: [true], times: long })
  while (running.asked.ready === 0) await new Promise(setImmediate)
  running.over.abort()
  t.match(await running.end, { retry: 'backoff' })
})
