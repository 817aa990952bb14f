import t, { type Test } from 'tap'
import { createConduct } from '../../src/engine/conduct.ts'
import { stuckOnRequest } from '../../src/engine/stuck.ts'
import { timings } from '../../src/engine/timings.ts'

function engine(t: Test, threads = 2) {
  const state = { now: 0, cpuMs: 0, isTold: true }
  const real = performance.now
  performance.now = () => state.now
  t.teardown(() => {
    performance.now = real
  })
  const conduct = createConduct()
  const pulse = async () => (state.isTold ? { cpuMs: state.cpuMs, bytesRead: 0 } : undefined)
  return { state, conduct, isStuck: stuckOnRequest({ engine: { conduct }, threads, pulse, times: timings }) }
}

t.test('an engine without a request may rest', async (t) => {
  const { state, isStuck } = engine(t)
  state.now = 1e9
  t.equal(await isStuck(1e9), undefined)
})

t.test('one that neither works nor speaks is stuck; either is enough', async (t) => {
  const { state, conduct, isStuck } = engine(t)
  const request = conduct.take()
  state.now = timings.workStall + 1
  t.equal(await isStuck(0), undefined, 'it works')
  t.equal(await isStuck(timings.workStall), undefined, 'it may rest as long')
  request.heardAt = 1000
  t.equal(await isStuck(state.now), undefined, 'it spoke a while ago')
  state.now += 999
  t.equal(await isStuck(state.now), undefined, 'it may be silent as long')
  state.now += 1
  t.match(await isStuck(state.now), /stopped working on a request/)
})

t.test('one that speaks to somebody is not stuck', async (t) => {
  const { state, conduct, isStuck } = engine(t)
  conduct.take()
  const other = conduct.take()
  state.now = 60_000
  other.heardAt = 59_000
  t.equal(await isStuck(60_000), undefined)
})

t.test('far more work than expected, in silence, is too much', async (t) => {
  const { state, conduct, isStuck } = engine(t)
  const request = conduct.take(30_000)
  await isStuck(0)
  state.now = 1e6
  state.cpuMs = 180_000
  t.equal(await isStuck(0), undefined, 'three times 30 s on two threads are not')
  state.cpuMs += 1
  t.match(await isStuck(0), /far longer than it ever took/)
  request.heardAt = state.now
  t.equal(await isStuck(0), undefined, 'a word, and the patience begins anew')
  state.cpuMs += 180_000
  t.equal(await isStuck(0), undefined)
})

t.test('small pictures get time all the same, and others beside them take theirs', async (t) => {
  const { state, conduct, isStuck } = engine(t, 1)
  conduct.take(10)
  conduct.take()
  await isStuck(0)
  state.cpuMs = 40_000
  t.equal(await isStuck(0), undefined)
  state.cpuMs += 1
  t.match(await isStuck(0), /far longer/)
})

t.test('where the kernel tells nothing, nothing is too much', async (t) => {
  const { state, conduct, isStuck } = engine(t)
  state.isTold = false
  conduct.take(10)
  for (let look = 0; look < 3; look += 1) t.equal(await isStuck(0), undefined)
})

t.test('nothing is too much of what nobody knows', async (t) => {
  const { state, conduct, isStuck } = engine(t)
  conduct.take()
  await isStuck(0)
  state.cpuMs = 1e9
  t.equal(await isStuck(0), undefined)
})
