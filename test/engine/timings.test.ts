import t from 'tap'
import { backoff, pause, timings } from '../../src/engine/timings.ts'

t.test('the back-off doubles from 1 to 60 s, a quarter up or down', async (t) => {
  const middle = [1, 2, 3, 4, 5, 6, 7, 8].map((crashes) => backoff(timings, crashes, 0.5))
  t.strictSame(middle, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  t.equal(backoff(timings, 1, 0), 750)
  t.equal(backoff(timings, 1, 1), 1250)
  const waits = Array.from({ length: 50 }, () => backoff(timings, 1))
  t.ok(waits.every((wait) => wait >= 750 && wait < 1250))
  t.ok(new Set(waits).size > 1, 'replicas do not start in step')
})

t.test('a pause ends when it is over, or at once with an abort, and never rejects', async (t) => {
  const caller = new AbortController()
  const began = performance.now()
  await pause(20, caller.signal)
  t.ok(performance.now() - began > 15)
  const long = pause(1e8, caller.signal)
  caller.abort(new Error('enough'))
  await t.resolves(long)
  await t.resolves(pause(1e8, caller.signal))
})
