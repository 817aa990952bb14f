/** Bodies of requests share what memory is set apart for them. */
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import { bodyMemoryBytes, createBodyMemory } from '../../src/http/body-memory.ts'

const request = () => ({}) as IncomingMessage
const mib = 1024 ** 2
const never = () => {
  throw new Error('nobody has to make room')
}

t.test('it holds as many bodies as may be inside, as far as the heap allows, but always one', (t) => {
  t.equal(bodyMemoryBytes(20 * mib, 9, 4096 * mib), 180 * mib)
  t.equal(bodyMemoryBytes(20 * mib, 9, 256 * mib), 64 * mib)
  t.equal(bodyMemoryBytes(20 * mib, 9, 64 * mib), 20 * mib)
  t.ok(bodyMemoryBytes(mib, 1) >= mib, 'whatever this process has')
  t.end()
})

t.test('what is taken comes back, once', (t) => {
  const memory = createBodyMemory(10)
  const [one, other] = [request(), request()]
  t.ok(memory.take(one, 4, never))
  t.ok(memory.take(one, 4, never))
  t.notOk(memory.take(other, 3, never))
  t.ok(memory.take(other, 2, never))
  memory.release(one)
  memory.release(one)
  t.ok(memory.room(8))
  t.notOk(memory.room(9))
  t.end()
})

t.test('who pauses while sending makes room, the longest pause first; who is worked on does not', (t) => {
  let now = 0
  const memory = createBodyMemory(30, () => now)
  const gone: string[] = []
  const [early, done, late, newcomer] = [request(), request(), request(), request()]
  memory.take(done, 10, never)
  memory.keep(done)
  memory.take(early, 10, () => gone.push('early'))
  now = 1000
  memory.take(late, 10, () => gone.push('late'))
  t.notOk(memory.take(newcomer, 10, never), 'a second is no pause')
  now = 2500
  t.ok(memory.take(newcomer, 10, never))
  t.same(gone, ['early'])
  t.notOk(memory.room(10))
  now = 3500
  t.ok(memory.room(10))
  t.same(gone, ['early', 'late'])
  t.end()
})
