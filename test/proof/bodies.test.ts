/** A few of the changed requests of the row, at a service within this test. */
import { isDeepStrictEqual } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { startService } from '../../src/cli/serve.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { untilHealthy } from '../support/service.ts'
import { honestRequests } from './bodies/honest.ts'
import { attemptOf } from './bodies/mutations.ts'
import { verdictsOn } from './bodies/verdicts.ts'

const limitMs = 60_000

t.test('changed requests at every door are answered, and never by 5xx', async (t) => {
  const { url, engine, stop } = await startService(fakeEngineConfig(t.testdir()), pino({ level: 'silent' }))
  t.teardown(stop)
  await untilHealthy(url)
  const honest = await honestRequests('tiny.gguf')
  const attempts = Array.from({ length: 200 }, (_, number) => ({
    number,
    attempt: attemptOf(honest, number),
  }))
  const verdicts = await verdictsOn(Number(new URL(url).port), attempts, { clients: 2, limitMs })
  t.equal(verdicts.length, attempts.length)
  t.strictSame(
    verdicts.filter(({ fault }) => fault !== undefined),
    [],
  )
  t.ok(verdicts.some(({ status }) => status === 200))
  t.equal(engine.status().restarts, 0)
})

t.test('the same number makes the same request', async (t) => {
  const honest = await honestRequests('tiny.gguf')
  const numbers = Array.from({ length: 600 }, (_, number) => number)
  const made = numbers.map((number) => attemptOf(honest, number))
  // Whatever was made before it.
  const others = numbers
    .toReversed()
    .filter((number) => !isDeepStrictEqual(attemptOf(honest, number), made[number]))
  t.strictSame(others, [])
})
