/** The loop: what follows on what. The engine runs within the test; real-process.test.ts has it as a process. */
import { existsSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { superviseEngine } from '../../src/engine/supervisor.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { engineInProcess } from '../support/engine-in-process.ts'
import { answer, fakeEngineConfig, keptLog, quickTimings, writeModelPair } from '../support/fake-engine.ts'
import { type Supervision, supervised } from '../support/supervised.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal

t.test('comes to ready, answers, stops without a trace', async (t) => {
  const { engine, starts, states, log } = supervised(t, { env: { THREADS: '3' } })
  t.match(engine.status(), { state: 'starting', reason: 'the engine is starting', pid: undefined })
  t.throws(() => engine.requireReady(), { code: 'engine_loading' })
  await engine.ready(never)
  t.match(engine.status(), {
    ...{ state: 'ready', reason: undefined, restarts: 0, threads: 3 },
    ...{ pid: starts[0]?.pid, model: { description: 'a model of headers' } },
  })
  engine.requireReady()
  t.match((await answer(engine, 'hello')).at(-1), { type: 'end', usage: { total_tokens: 72 } })
  t.equal(await engine.countTokens({ messages: [], max_tokens: 1, temperature: 0 }, never), 70)
  const { command = [], folder = '', asked } = starts[0] ?? {}
  t.equal(command[command.indexOf('--threads') + 1], '3')
  t.ok(existsSync(folder))
  await Promise.all([engine.stop(), engine.stop()])
  t.strictSame(asked, ['stop'], 'politely')
  t.strictSame(states(), ['loading', 'ready', 'stopping'])
  t.match(engine.status(), { state: 'stopping', pid: undefined })
  t.throws(() => engine.requireReady(), { code: 'shutting_down' })
  t.notOk(existsSync(folder), 'its folder is gone')
  t.strictSame(
    log.lines.filter(({ level }) => level === 'warn' || level === 'error'),
    [],
    'nothing to warn of',
  )
})

t.test('a crash in mid-answer is an error, and the engine comes back', async (t) => {
  const { engine, states, log } = supervised(t)
  await engine.ready(never)
  await t.rejects(answer(engine, 'fault:crash'), { code: 'engine_crashed', status: 500 })
  await until(() => engine.status().restarts === 1, 'a restart')
  await engine.ready(never)
  t.equal((await answer(engine, 'hello')).length, 3)
  t.ok((engine.status().threads ?? 0) >= 1, 'as many threads as there are, where nobody says how many')
  t.strictSame(new Set(states()), new Set(['loading', 'ready', 'starting']))
  t.equal(states().at(-1), 'ready')
  const again = log.lines.find(({ message }) => /Trying again/.test(message))
  t.match(again, { level: 'info', message: /^engine starting: .*killed.*\. Trying again in 1 s$/ })
})

t.test('between two runs there is nobody to ask, and the slot is given back', async (t) => {
  const { engine } = supervised(t, { faults: ['crash'], times: { backoffFirst: 60_000 } })
  await until(() => engine.status().restarts === 1, 'a crash')
  let settled = false
  const body = { messages: [], max_tokens: 1, temperature: 0 }
  t.throws(() => engine.chat(body, never, () => (settled = true)), { code: 'engine_crashed' })
  t.ok(settled)
  await t.rejects(engine.countTokens(body, never), { code: 'engine_crashed' })
  t.equal(engine.status().pid, undefined)
})

t.test('from crash to crash it waits longer', async (t) => {
  const { engine, log } = supervised(t, {
    faults: ['no-memory'],
    times: { backoffFirst: 400, backoffMost: 1e8, crashLimit: 10 },
  })
  await until(() => engine.status().restarts === 3, 'three crashes')
  // 400, 800 and 1600 ms, a quarter up or down.
  const waits = log.lines.flatMap(({ message }) => /Trying again in (\d+) s/.exec(message)?.[1] ?? [])
  t.strictSame(waits, ['1', '1', '2'])
})

t.test('who asks is sent to nobody as soon as it has broken off, before its process ends', async (t) => {
  const { engine, starts } = supervised(t, { times: { watch: 1e8, lastWords: 1e8 } })
  await engine.ready(never)
  await t.rejects(answer(engine, 'fault:wedge'), { code: 'engine_crashed' })
  await until(() => engine.status().state === 'starting', 'the new state')
  t.match(engine.status().reason, /broke off its work/)
  t.strictSame(starts[0]?.asked, [])
})

t.test('crashes in a row count as failed, while tries go on and may succeed', async (t) => {
  const { engine, states } = supervised(t, {
    faults: ['no-memory', 'no-memory', 'no-memory', ''],
    times: { crashLimit: 3, slowRetry: 1500 },
  })
  await until(() => engine.status().state === 'failed', 'failed')
  t.match(engine.status(), {
    reason: /ran out of memory.*\. Trying again in 2 s/,
    restarts: 3,
  })
  await until(() => engine.status().state === 'ready', 'ready')
  t.strictSame(
    states().filter((state) => state !== 'loading'),
    ['starting', 'starting', 'failed', 'starting', 'ready'],
  )
})

t.test('an end at a request is never held against the engine, and who asks then waits', async (t) => {
  const { engine, states } = supervised(t, { times: { crashLimit: 2 } })
  await engine.ready(never)
  for (let ends = 1; ends <= 4; ends += 1) {
    await t.rejects(answer(engine, 'fault:crash'), { code: 'engine_crashed' })
    await until(() => engine.status().restarts === ends, `end ${ends}`)
    t.doesNotThrow(() => engine.requireReady(), 'it comes back')
    await engine.ready(never)
  }
  t.notOk(states().includes('failed'))
})

t.test('crashes add up until an answer comes', async (t) => {
  const { engine, starts, states, reachesState } = supervised(t, { times: { crashLimit: 2, slowRetry: 1e8 } })
  const die = async () => {
    starts.at(-1)?.end({ signal: 'SIGKILL' })
    await until(() => engine.status().state !== 'ready', 'the end')
  }
  await engine.ready(never)
  await die()
  await engine.ready(never)
  await answer(engine, 'hello')
  await die()
  await engine.ready(never)
  t.notOk(states().includes('failed'), 'an answer in between')
  await die()
  await reachesState('failed')
  t.throws(() => engine.requireReady(), { code: 'engine_failed' }, 'nobody waits for it now')
})

t.test(
  'an engine that ends before it is ready for no known reason waits for files after three times',
  async (t) => {
    const { engine, config, starts, reachesState } = supervised(t, {
      faults: ['crash', 'crash', 'crash', ''],
      times: { filesPoll: 10 },
    })
    await reachesState('failed')
    t.equal(
      engine.status().reason,
      'The engine ended with exit code 3; its last words: E something odd happened',
    )
    await sleep(100)
    t.equal(starts.length, 3, 'nothing loops')
    writeFileSync(join(config.MODEL_PATH, 'new.gguf'), 'x')
    await reachesState('ready')
  },
)

t.test('another engine is reason enough to try again', async (t) => {
  const { config, reachesState } = supervised(t, {
    faults: ['unknown-architecture', ''],
    times: { filesPoll: 10 },
  })
  await reachesState('failed')
  utimesSync(config.ENGINE_PATH, 1, 1)
  await reachesState('ready')
})

t.test('a model of NaNs, or one that sees nothing, is never ready', async (t) => {
  for (const [fault, reason] of [
    ['not-a-number', /numbers that are none/],
    ['colour-blind', /no difference between red and blue/],
    ['no-answers', /could not answer a first small picture/],
  ] as const) {
    const { engine, states } = supervised(t, { faults: [fault], times: { watch: 1 } })
    await until(() => engine.status().restarts > 0, fault)
    t.match(engine.status().reason, reason)
    t.notOk(states().includes('ready'))
    await engine.stop()
  }
})

t.test('what computes nonsense three times is not started for ever', async (t) => {
  const faults = ['not-a-number', 'not-a-number', 'colour-blind'] as const
  const { engine, starts, reachesState } = supervised(t, { faults: [...faults], times: { watch: 1 } })
  await reachesState('failed')
  t.match(engine.status().reason, /no difference between red and blue.*fetch them again$/)
  t.equal(starts.length, 3)
})

t.test('an engine that fails every request has to prove itself, and goes on', async (t) => {
  const { engine, log } = supervised(t, { times: { busyMisses: 1000 } })
  await engine.ready(never)
  for (const fault of ['failing', 'garbage', 'endless'])
    await t.rejects(answer(engine, `fault:${fault}`), { code: /^engine_/ }, fault)
  await until(() => log.lines.some(({ message }) => /showing it a picture/.test(message)), 'the check')
  t.match(await answer(engine, 'hello'), { length: 3 })
  t.equal(engine.status().restarts, 0)
})

t.test('what a restart cannot mend is looked at again when files change, and is no crash', async (t) => {
  const { engine, config, starts, states, reachesState, reachesStart } = supervised(t, {
    faults: ['no-memory', 'unknown-architecture', 'no-memory', ''],
    times: { crashLimit: 2, filesPoll: 10, slowRetry: 60_000 },
  })
  await reachesState('failed')
  t.equal(engine.status().reason, 'The engine does not know models of the architecture mllama')
  t.throws(() => engine.requireReady(), { code: 'engine_failed' })
  await t.rejects(engine.ready(never), { code: 'engine_failed' })
  await sleep(100)
  t.equal(starts.length, 2, 'nothing loops')
  t.equal(engine.status().restarts, 1)
  writeFileSync(join(config.MODEL_PATH, 'new.gguf'), 'x')
  await reachesStart(3)
  await engine.ready(never)
  t.equal(states().filter((state) => state === 'failed').length, 1, 'one crash does not make two')
})

t.test('a missing model is named, and found once it is there', async (t) => {
  const { engine, config, starts, reachesState } = supervised(t, {
    before: ({ MODEL_PATH }) => rmSync(join(MODEL_PATH, 'tiny.gguf')),
  })
  await reachesState('failed')
  t.match(engine.status().reason, /tiny\.gguf not found; the folder holds: tiny-mmproj\.gguf/)
  t.match({ starts: starts.length, restarts: engine.status().restarts }, { starts: 0, restarts: 0 })
  writeModelPair(config.MODEL_PATH)
  await reachesState('ready')
})

t.test('a missing engine program is named, and not started', async (t) => {
  const { engine, starts, reachesState } = supervised(t, { env: { ENGINE_PATH: '/nowhere/llama-server' } })
  await reachesState('failed')
  t.match(engine.status().reason, /\/nowhere\/llama-server, which is missing/)
  t.equal(starts.length, 0)
})

t.test('a model that cannot fit is refused with the arithmetic, and tried again later', async (t) => {
  const { engine, log, starts, states, reachesState } = supervised(t, {
    env: { CONTEXT_SIZE: '1048576', SLOTS: '64', PROMPT_CACHE_MIB: '1000000' },
    times: { slowRetry: 20 },
  })
  await reachesState('failed')
  t.match(
    log.lines.find(({ level }) => level === 'error')?.message,
    /needs about .* GiB .*prompt cache 976\.6 GiB.* but .* has .* GiB.*Trying again in 1 s/,
  )
  t.equal(states()[0], 'failed', 'from the first time on')
  await until(() => states().filter((state) => state === 'failed').length > 1, 'another look')
  t.equal(engine.status().restarts, 0)
  t.equal(starts.length, 0)
})

t.test('a model that may not fit is tried all the same when told so', async (t) => {
  const { engine, log } = supervised(t, { env: { PROMPT_CACHE_MIB: '1000000', MEMORY_CHECK: 'off' } })
  await engine.ready(never)
  t.ok(log.lines.some(({ level, message }) => level === 'warn' && /needs about/.test(message)))
})

t.test('an attempt that fails for a reason of our own is told and tried again', async (t) => {
  const { startProcess } = engineInProcess()
  const config = fakeEngineConfig(t.testdir())
  const log = keptLog()
  let attempts = 0
  const engine = superviseEngine(config, modelSettings(config), log, {
    times: quickTimings,
    startProcess: (...order) => {
      attempts += 1
      if (attempts === 1) throw new Error('no more processes')
      return startProcess(...order)
    },
  })
  t.teardown(() => engine.stop())
  await engine.ready(never)
  t.match(log.lines.find(({ level }) => level === 'error')?.facts, { err: { message: 'no more processes' } })
  t.equal(engine.status().restarts, 1)
})

t.test('stops at once, whatever it waits for', async (t) => {
  const waits: [string, Supervision, string][] = [
    ['a back-off', { faults: ['crash'], times: { backoffFirst: 1e8, backoffMost: 1e8 } }, 'starting'],
    ['files', { faults: ['unknown-architecture'], times: { filesPoll: 1e8 } }, 'failed'],
    ['the model', { faults: ['slow-load'] }, 'loading'],
  ]
  for (const [wait, options, state] of waits) {
    const { engine, states } = supervised(t, options)
    await until(() => states().at(-1) === state, wait)
    await engine.stop()
    t.strictSame(states().slice(-2), [state, 'stopping'], wait)
  }
})

t.test('an engine that is stopped before it began is not left running', async (t) => {
  const { engine, starts } = supervised(t)
  await engine.stop()
  t.ok(starts.every(({ asked }) => asked.includes('stop')))
  t.equal(engine.status().state, 'stopping')
})
