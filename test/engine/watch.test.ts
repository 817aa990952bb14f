/** From the start of an engine to ready and on, as the watch sees it: through the questions it asks, and the kernel. */
import t, { type Test } from 'tap'
import { createConduct } from '../../src/engine/conduct.ts'
import type { Work } from '../../src/engine/pulse.ts'
import { type Watched, watch } from '../../src/engine/watch.ts'
import { keptLog, quickTimings } from '../support/fake-engine.ts'
import { someModel } from '../support/model-facts.ts'

type Script = {
  /** Statuses of health in order, 0 for no answer; the last one stays. */
  health?: number[]
  /** Whether the first, second ... look at what is loaded gets an answer; the last one stays. */
  tells?: boolean[]
  vision?: boolean
  /** What the first, second ... picture is answered with; `never` is not answered. The last one stays. */
  pictures?: ('red' | 'blue' | 'NaN' | 'never')[]
  /** Whether the first, second ... look at the slots gets an answer; after these none does. */
  slots?: boolean[]
  /** Whether the process works; where it is left out, the kernel tells nothing. */
  works?: boolean
  times?: Partial<Watched['times']>
}

function watched(t: Test, script: Script) {
  const { health = [200], tells = [true], vision = true, pictures, slots = [], works, times = {} } = script
  const asked = { health: 0, properties: 0, pictures: 0, slots: 0, pulses: 0, ready: 0 }
  const over = new AbortController()
  const log = keptLog()
  const conduct = createConduct()
  const nth = <Value>(list: Value[], index: number) => list[Math.min(index, list.length - 1)] as Value
  const work: Work = { cpuMs: 0, bytesRead: 0 }
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
      async firstTokens(_body, signal) {
        if (!pictures) t.fail('no picture is asked about')
        const seen = nth(pictures ?? [], asked.pictures++)
        if (seen === 'never')
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        return [{ token: 'red', logprob: { red: -0.1, blue: -5, NaN: Number.NaN }[seen] }]
      },
      conduct,
    },
    name: 'tiny.gguf',
    model: someModel(),
    visionCheck: pictures ? 'on' : 'off',
    threads: 1,
    pulse: async () => {
      asked.pulses += 1
      if (works === undefined) return undefined
      if (works) work.cpuMs += 1000
      return { ...work }
    },
    times: { ...quickTimings, healthPoll: 1, watch: 1, misses: 2, busyMisses: 3, loadStall: 20, ...times },
    log,
    onReady: () => {
      asked.ready += 1
    },
  }
  return { asked, over, log, conduct, end: watch(watched, over.signal) }
}

t.test('waits until the model is loaded, however long that takes', async (t) => {
  const { asked, end } = watched(t, { health: [0, 503, 503, 200] })
  await end
  t.match(asked, { health: 4, properties: 1, ready: 1 })
  const slow = watched(t, { health: [...Array(100).fill(503), 200], works: true })
  await slow.end
  t.match(slow.asked, { health: 101, ready: 1 })
})

t.test('an engine that neither computes nor reads while it loads is ended', async (t) => {
  const { asked, end } = watched(t, { health: [503], works: false })
  t.match(await end, { sentence: /stopped while it loaded the model/, retry: 'backoff' })
  t.match(asked, { properties: 0, ready: 0 })
})

t.test('while it loads, its work is looked at as often as later on, not with every question', async (t) => {
  const health = [...Array(50).fill(503), 200]
  const began = performance.now()
  const { asked, over, end } = watched(t, { health, works: true, times: { watch: 50, loadStall: 1e9 } })
  while (asked.ready === 0) await new Promise(setImmediate)
  t.ok(asked.pulses <= 1 + (performance.now() - began) / 50, `${asked.pulses} looks`)
  over.abort()
  await end
})

t.test('an engine without eyes is given up until files change', async (t) => {
  const { asked, log, end } = watched(t, { vision: false })
  t.match(await end, { sentence: /without its vision projector/, retry: 'when files change' })
  t.match(asked, { properties: 1, ready: 0 })
  t.strictSame(log.lines, [])
})

t.test('an engine that is slow to tell what it is gets asked again', async (t) => {
  const began = performance.now()
  const { asked, log, end } = watched(t, { tells: [false, false, true], times: { watch: 100 } })
  while (asked.ready === 0) await new Promise(setImmediate)
  // Timers may be a millisecond early.
  t.ok(performance.now() - began > 100 + 200 - 3, 'later each time')
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

t.test('an engine that tells two colours apart is ready', async (t) => {
  const { asked, end } = watched(t, { pictures: ['red', 'blue'] })
  await end
  t.match(asked, { pictures: 2, ready: 1 })
})

t.test('one that does not is never ready, and may be after another start', async (t) => {
  const same = watched(t, { pictures: ['red'] })
  t.match(await same.end, { sentence: /no difference between red and blue/, retry: 'perhaps' })
  t.match(same.asked, { pictures: 6, ready: 0 })
  const broken = watched(t, { pictures: ['NaN'] })
  t.match(await broken.end, { sentence: /numbers that are none \(NaN\)/, retry: 'perhaps' })
  t.equal(broken.asked.ready, 0)
})

t.test('a picture on which the engine does not work is waited for no longer', async (t) => {
  const { end, asked } = watched(t, { pictures: ['never'], works: false })
  t.match(await end, { sentence: /first small picture \(it stopped working on it\)/, retry: 'backoff' })
  t.equal(asked.ready, 0)
})

t.test('a picture on which it works has all the time there is', async (t) => {
  const { end } = watched(t, { pictures: ['never'], works: true, times: { pictureLimit: 200 } })
  t.match(await end, { sentence: /first small picture \(.*due to timeout\)/, retry: 'backoff' })
})

t.test('one that is slow once is asked again, and a working one is waited for', async (t) => {
  const { end, asked } = watched(t, {
    pictures: ['never', 'red', 'blue'],
    works: true,
    times: { pictureLimit: 50 },
  })
  await end
  t.match(asked, { pictures: 3, ready: 1 })
})

t.test('silence counts only in a row, and longer while the process works', async (t) => {
  const slots = [true, false, false, true, false, false, false]
  const busy = watched(t, { slots, works: true })
  t.match(await busy.end, { sentence: 'The engine stopped answering and was ended', retry: 'backoff' })
  t.match(busy.asked, { slots: 7, ready: 1 })
  const idle = watched(t, { slots, works: false })
  await idle.end
  t.match(idle.asked, { slots: 3, ready: 1 })
})

t.test('an engine that does not work on its request is ended', async (t) => {
  const { end, conduct } = watched(t, {
    slots: Array(10_000).fill(true),
    works: false,
    times: { workStall: 30 },
  })
  conduct.take()
  t.match(await end, { sentence: /stopped working on a request/, retry: 'backoff' })
})

t.test('after failures in a row it has to see, or is ended', async (t) => {
  const blind = watched(t, { slots: Array(10_000).fill(true), pictures: ['red', 'blue', 'red'] })
  while (blind.asked.ready === 0) await new Promise(setImmediate)
  for (let count = 0; count < 3; count += 1) blind.conduct.failed()
  t.match(await blind.end, { sentence: /failed 3 times in a row.*no difference/, retry: 'backoff' })

  const seeing = watched(t, { slots: Array(10_000).fill(true), pictures: ['red', 'blue', 'red', 'blue'] })
  while (seeing.asked.ready === 0) await new Promise(setImmediate)
  seeing.conduct.failed()
  seeing.conduct.failed()
  for (const before = seeing.asked.slots; seeing.asked.slots < before + 5; ) await new Promise(setImmediate)
  t.equal(seeing.asked.pictures, 2, 'two failures are not enough')
  seeing.conduct.failed()
  while (seeing.conduct.failures > 0) await new Promise(setImmediate)
  t.equal(seeing.asked.pictures, 4)
  seeing.over.abort()
  await seeing.end
})

t.test('an engine that is over is not waited for, and never ready', async (t) => {
  const long = { healthPoll: 1e8, watch: 1e8, loadStall: 1e9 }
  const loading = watched(t, { health: [503], times: long })
  loading.over.abort()
  await loading.end
  t.equal(loading.asked.ready, 0)
  const silent = watched(t, { tells: [false], times: long })
  silent.over.abort()
  await silent.end
  t.match(silent.asked, { properties: 1, ready: 0 })
  const looking = watched(t, { pictures: ['never'], times: long })
  while (looking.asked.pictures === 0) await new Promise(setImmediate)
  looking.over.abort()
  await looking.end
  t.equal(looking.asked.ready, 0)
  const running = watched(t, { slots: [true], times: long })
  while (running.asked.ready === 0) await new Promise(setImmediate)
  running.over.abort()
  t.match(await running.end, { retry: 'backoff' })
})
