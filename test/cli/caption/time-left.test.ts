import t from 'tap'
import { createTimeLeft } from '../../../src/cli/caption/time-left.ts'

const wide = { width: 4000, height: 1000 }
const photo = { width: 4000, height: 3000 }
const icon = { width: 64, height: 64 }

t.test('pictures to come take as long as their tiles', (t) => {
  const left = createTimeLeft()
  for (const path of ['a', 'b', 'c', 'd', 'e', 'f']) left.expect(path)
  for (const path of ['a', 'c', 'd']) left.measured(path, photo)
  for (const path of ['b', 'e']) left.measured(path, icon)
  t.equal(left.seconds(1), undefined, 'before anything was learnt')
  left.answered('a', 4, 40)
  t.equal(left.seconds(1), 200, 'all that are left as the only one that is known')
  left.answered('b', 1, 10)
  // c and d as a, e as b, and f as a picture of these.
  t.equal(left.seconds(1), 10 * (4 + 4 + 1 + 2.5))
  t.equal(left.seconds(2), 5 * (4 + 4 + 1 + 2.5))
  left.failed('f')
  left.failed('e')
  t.equal(left.seconds(1), 80)
  left.answered('c', 4, 40)
  t.equal(left.seconds(2), 40, 'one picture has one slot')
  left.answered('d', 4, 40)
  t.equal(left.seconds(2), 0)
  t.end()
})

t.test('a shape is that of pictures which are seen alike', (t) => {
  const left = createTimeLeft()
  for (const path of ['a', 'b', 'c', 'd']) left.expect(path)
  left.measured('a', photo)
  left.measured('b', { width: 8000, height: 6000 })
  left.measured('c', wide)
  left.measured('d', icon)
  left.answered('a', 4, 4)
  left.answered('c', 2, 2)
  t.equal(left.seconds(1), 4 + 3, 'the larger photo as the photo, the icon as anything')
  t.end()
})
