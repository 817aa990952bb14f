import t from 'tap'
import { createConduct } from '../../src/engine/conduct.ts'

t.test('failures count until an answer, or until it has proved itself', (t) => {
  let answers = 0
  const conduct = createConduct({ onAnswered: () => (answers += 1) })
  conduct.failed()
  conduct.failed()
  t.equal(conduct.failures, 2)
  conduct.answered()
  t.equal(conduct.failures, 0)
  t.equal(answers, 1)
  conduct.failed()
  conduct.forgive()
  t.equal(conduct.failures, 0)
  t.equal(answers, 1, 'a proof is no answer')
  t.end()
})

t.test('it ended at work when it had a request, or lost one by that', (t) => {
  const settled = (how: Parameters<ReturnType<typeof createConduct>['letGo']>[1]) => {
    const conduct = createConduct()
    conduct.letGo(conduct.take(), how)
    // Nobody needs to listen.
    if (how === 'answered') conduct.answered()
    return conduct.endedAtWork()
  }
  t.notOk(createConduct().endedAtWork())
  t.notOk(settled('answered'))
  t.notOk(settled('given up'))
  t.ok(settled('engine ended'))
  const holding = createConduct()
  holding.take()
  t.ok(holding.endedAtWork())
  t.end()
})
