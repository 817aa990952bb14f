import t from 'tap'
import { timestamp } from '../../src/http/error-response.ts'

t.test('timestamps are UTC with six digits and no suffix', (t) => {
  t.equal(timestamp(new Date('2024-01-13T12:00:00Z')), '2024-01-13T12:00:00.000000')
  t.end()
})
