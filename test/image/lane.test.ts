import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createLane } from '../../src/image/lane.ts'

const never = new AbortController().signal

/** Works that say when they begin, and end when told to. */
function works(room: number) {
  const lane = createLane(room)
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  return {
    begun,
    end: async (name: string) => {
      ends.get(name)?.()
      await turn()
    },
    run: (name: string, bytes: number, signal = never) =>
      lane.run(bytes, signal, () => {
        begun.push(name)
        return new Promise<string>((resolve) => ends.set(name, () => resolve(name)))
      }),
  }
}

t.test('as many side by side as there is room for, in their order', async (t) => {
  const { begun, end, run } = works(10)
  const all = [run('a', 6), run('b', 4), run('c', 8), run('d', 1), run('e', 1)]
  await turn()
  t.same(begun, ['a', 'b'])
  await end('b')
  t.same(begun, ['a', 'b'], 'c does not fit, and nobody overtakes it')
  await end('a')
  t.same(begun, ['a', 'b', 'c', 'd', 'e'])
  for (const name of ['c', 'd', 'e']) await end(name)
  t.same(await Promise.all(all), ['a', 'b', 'c', 'd', 'e'])
})

t.test('a picture larger than the lane has it to itself', async (t) => {
  const { begun, end, run } = works(10)
  const all = [run('small', 1), run('huge', 1000), run('next', 1)]
  await turn()
  t.same(begun, ['small'])
  await end('small')
  t.same(begun, ['small', 'huge'])
  await end('huge')
  await end('next')
  t.same(await Promise.all(all), ['small', 'huge', 'next'])
})

t.test('who leaves makes way, and work that fails gives its room back', async (t) => {
  const { begun, end, run } = works(10)
  const leaving = new AbortController()
  const first = run('first', 8)
  const left = run('left', 8, leaving.signal)
  const behind = run('behind', 2)
  await turn()
  t.same(begun, ['first'])
  leaving.abort(new Error('gone'))
  await t.rejects(left, /gone/)
  t.same(begun, ['first', 'behind'], 'it fits beside the first')
  await end('first')
  await end('behind')
  await Promise.all([first, behind])
  await t.rejects(run('late', 1, AbortSignal.abort(new Error('gone'))), /gone/)

  const lane = createLane(10)
  await t.rejects(
    lane.run(10, never, () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  t.equal(await lane.run(10, never, async () => 'room'), 'room')
})
