/** What the log says of a request: one line, and nothing of what its caller sent. */
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { failure } from '../../src/errors.ts'
import { testApp } from '../support/app.ts'

const question = { prompt: 'canary', image: 'AAAA' }

async function logged(t: Test, asked: object, infer?: () => Promise<never>): Promise<object[]> {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const app = await testApp(t, infer ? { log, infer } : { log })
  await app.inject({ method: 'POST', url: '/infer', ...asked })
  t.notOk(lines.some((line) => line.includes('canary')))
  return lines.map((line) => JSON.parse(line) as object)
}

t.test('an answered one', async (t) => {
  const [line, ...more] = await logged(t, { payload: question })
  t.match(line, { level: 30, method: 'POST', path: '/infer', status: 200, ms: Number, msg: 'request' })
  t.notOk(line && 'code' in line)
  t.same(more, [])
})

t.test('a refused one says why, once', async (t) => {
  const [line, ...more] = await logged(t, { payload: { ...question, max_tokens: 'canary' } })
  t.match(line, { level: 30, status: 400, code: 'wrong_type', field: 'max_tokens', msg: 'request' })
  t.same(more, [])
})

t.test('a refused one tells its cause', async (t) => {
  const refused = () => Promise.reject(failure('image_refused', { field: 'image' }, { cause: 'its words' }))
  const [line, ...more] = await logged(t, { payload: question }, refused)
  t.match(line, { level: 30, status: 400, code: 'image_refused', err: 'its words' })
  t.same(more, [])
})

t.test('a failed one has a line for the fault and one for the request', async (t) => {
  const fail = () => Promise.reject(new Error('on purpose'))
  const [fault, line, ...more] = await logged(t, { payload: question }, fail)
  t.match(fault, { level: 50, code: 'internal_error', err: { message: 'on purpose' } })
  t.match(line, { level: 30, status: 500, code: 'internal_error', msg: 'request' })
  t.notOk(line && 'err' in line, 'the fault is told once')
  t.same(more, [])
})

t.test('one that fails while its answer is sent', async (t) => {
  const fail = () => Promise.reject(failure('engine_crashed', {}, { cause: 'gone' }))
  const lines = await logged(t, { payload: { ...question, stream: true } }, fail)
  t.match(lines, [
    { level: 50, err: 'gone' },
    { code: 'engine_crashed', msg: 'request' },
  ])
})

t.test('one that looks for what is not there', async (t) => {
  const lines = await logged(t, { method: 'GET', url: '/canary' })
  t.match(lines, [{ level: 30, method: 'GET', status: 404, code: 'not_found' }])
  t.same(await logged(t, { method: 'GET', url: '/health' }), [], 'probes are quiet')
})
