import t from 'tap'
import { createStatus } from '../../src/engine/status.ts'
import { keptLog } from '../support/fake-engine.ts'
import { someModel } from '../support/model-facts.ts'

const never = new AbortController().signal

t.test('begins as starting', async (t) => {
  const { now } = createStatus(keptLog())
  const { since, ...rest } = now()
  t.type(since, Date)
  const unknown = { model: undefined, contextTokens: undefined, threads: undefined, pid: undefined }
  t.strictSame(rest, { state: 'starting', reason: 'the engine is starting', restarts: 0, ...unknown })
})

t.test('facts stay from state to state, reasons do not', async (t) => {
  const log = keptLog()
  const status = createStatus(log)
  const model = someModel()
  status.enter('loading', 'a minute more', { model, threads: 3, pid: 7 })
  t.match(status.now(), { state: 'loading', reason: 'a minute more', model, threads: 3, pid: 7 })
  status.enter('ready')
  t.match(status.now(), { state: 'ready', reason: undefined, model, threads: 3, pid: 7 })
  status.processEnded()
  t.match(status.now(), { state: 'ready', pid: undefined, threads: 3 })
  status.enter('failed', 'no way', { restarts: 4 })
  t.strictSame(
    log.lines.map(({ level, message, facts }) => [level, message, facts.restarts]),
    [
      ['info', 'engine loading: a minute more', 0],
      ['info', 'engine ready', 0],
      ['error', 'engine failed: no way', 4],
    ],
  )
})

t.test('each state tells those who need the engine now what to do', async (t) => {
  const status = createStatus(keptLog())
  t.throws(() => status.requireReady(), {
    ...{ code: 'engine_loading', status: 503, retryAfterSeconds: 5 },
    message: /the engine is starting/,
  })
  status.enter('failed', 'no way')
  t.throws(() => status.requireReady(), { code: 'engine_failed', retryAfterSeconds: 60, message: /no way/ })
  status.enter('ready')
  t.doesNotThrow(() => status.requireReady())
  status.enter('stopping')
  t.throws(() => status.requireReady(), { code: 'shutting_down', retryAfterSeconds: 5 })
})

t.test('one that was ready may be waited for, until it has failed', async (t) => {
  const status = createStatus(keptLog())
  status.enter('loading')
  t.throws(() => status.requireReady(), { code: 'engine_loading' }, 'the first time')
  status.enter('ready')
  status.enter('starting', 'it crashed')
  t.doesNotThrow(() => status.requireReady())
  status.enter('failed', 'no way')
  status.enter('starting')
  t.throws(() => status.requireReady(), { code: 'engine_loading' })
})

t.test('ready() waits through starts, and not through failures', async (t) => {
  const status = createStatus(keptLog())
  let ready = false
  const waiting = status.ready(never).then(() => {
    ready = true
  })
  status.enter('loading')
  status.enter('starting')
  await new Promise(setImmediate)
  t.equal(ready, false)
  status.enter('ready')
  await waiting
  await status.ready(never)
  for (const [state, code] of [
    ['failed', 'engine_failed'],
    ['stopping', 'shutting_down'],
  ] as const) {
    status.enter('starting')
    const hopeful = status.ready(never)
    status.enter(state)
    await t.rejects(hopeful, { code })
    await t.rejects(status.ready(never), { code })
  }
})

t.test('who waits may leave', async (t) => {
  const { ready } = createStatus(keptLog())
  const caller = new AbortController()
  const waiting = ready(caller.signal)
  caller.abort(new Error('enough'))
  await t.rejects(waiting, { message: 'enough' })
})

t.test('any number may wait without a warning of a leak', async (t) => {
  const warnings: Error[] = []
  const hear = (warning: Error) => warnings.push(warning)
  process.on('warning', hear)
  t.teardown(() => process.off('warning', hear))
  const status = createStatus(keptLog())
  const caller = new AbortController()
  const all = Array.from({ length: 50 }, () => status.ready(AbortSignal.any([caller.signal])))
  status.enter('ready')
  await Promise.all(all)
  await new Promise(setImmediate)
  t.strictSame(warnings, [])
})

t.test('nothing comes after stopping', async (t) => {
  const log = keptLog()
  const status = createStatus(log)
  status.enter('stopping')
  status.enter('ready')
  t.equal(status.now().state, 'stopping')
  t.equal(log.lines.length, 1)
})
