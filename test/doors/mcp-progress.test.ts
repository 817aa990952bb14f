/** What a client is told on the way to an answer. */
import { mock } from 'node:test'
import t from 'tap'
import { type Progress, progressTeller } from '../../src/doors/mcp/progress.ts'

t.test('a picture is told at its tenths, an answer by its length, nothing twice', (t) => {
  const told: Progress[] = []
  const { tell, end } = progressTeller((progress) => told.push(progress))
  t.teardown(end)
  tell({ type: 'waiting', sentence: 'starting the model' })
  for (const position of [2, 2, 1, 0])
    tell({ type: 'queued', position, secondsLeft: position === 1 ? 6.5 : null })
  tell({ type: 'prompt', secondsLeft: 3 })
  for (let done = 1; done <= 40; done += 1)
    tell({ type: 'picture', done, total: 40, secondsLeft: (40 - done) / 4 })
  for (let token = 1; token <= 40; token += 1) tell({ type: 'token' })
  t.same(
    told.map(({ message }) => message),
    [
      'starting the model',
      'Waiting, 2 come first',
      'Waiting, 1 come first, about 7 s left',
      'The service takes the question',
      'Looking at the picture and reading the question, about 3 s left',
      ...[10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map(
        (percent) => `${percent} % of the picture seen, ${Math.ceil((100 - percent) / 10)} s left`,
      ),
      'Writing the answer, token 1',
      'Writing the answer, token 17',
      'Writing the answer, token 33',
    ],
  )
  t.same(
    told.map(({ progress }) => progress),
    told.map((_, index) => index + 1),
  )
  t.end()
})

t.test('who waits hears the same again, until the end', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const told: Progress[] = []
  const { tell, end } = progressTeller((progress) => told.push(progress))
  mock.timers.tick(9_999)
  t.same(told, [])
  mock.timers.tick(1)
  t.same(told, [{ progress: 1, message: 'The question has come in' }])
  tell({ type: 'prompt', secondsLeft: null })
  for (let tens = 0; tens < 2; tens += 1) mock.timers.tick(10_000)
  t.same(
    told.map(({ message }) => message),
    ['The question has come in', ...Array(3).fill('Looking at the picture and reading the question')],
  )
  mock.timers.tick(5_000)
  tell({ type: 'token' })
  mock.timers.tick(9_999)
  t.equal(told.length, 5, 'what was told a while ago is not repeated yet')
  end()
  mock.timers.tick(60_000)
  t.equal(told.length, 5)
  t.end()
})
