import t from 'tap'
import { expectedStarts } from '../src/expected-starts.ts'

t.test('one slot: each starts when all before it have ended', (t) => {
  t.strictSame(expectedStarts(1, [], []), [0])
  t.strictSame(expectedStarts(1, [7], []), [7])
  t.strictSame(expectedStarts(1, [7], [100, 3]), [7, 107, 110])
  t.end()
})

t.test('several slots: each takes the one that is free first', (t) => {
  t.strictSame(expectedStarts(2, [10], [4, 4, 4]), [0, 4, 8, 10])
  t.strictSame(expectedStarts(3, [9, 1, 5], [1, 1]), [1, 2, 3])
  t.strictSame(expectedStarts(2, [], [5]), [0, 0])
  t.end()
})
