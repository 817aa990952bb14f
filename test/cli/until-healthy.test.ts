import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { untilHealthy } from '../../src/cli/until-healthy.ts'

type Answer = { status: number; state: string; reason: string | null }
const loading = (reason: string): Answer => ({ status: 503, state: 'loading', reason })

/** A service that answers `/health` with each of these in turn, the last one again and again. */
async function service(t: Test, answers: Answer[]) {
  let asked = 0
  const server = createServer((_, response) => {
    const { status, state, reason } = answers[Math.min(asked, answers.length - 1)] as Answer
    asked += 1
    response.writeHead(status).end(JSON.stringify({ engine: { state }, reason }))
  })
  t.teardown(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked }
}

t.test('it waits until the service is healthy, and tells each reason once', async (t) => {
  const ready = { status: 200, state: 'ready', reason: null }
  const { url, asked } = await service(t, [loading('one'), loading('one'), loading('two'), ready])
  const told: string[] = []
  await untilHealthy(url, { tell: (sentence) => told.push(sentence) })
  t.same(told, ['one', 'two'])
  t.equal(asked(), 4)
})

t.test('a model that cannot be used ends the waiting with the reason, and so does the signal', async (t) => {
  const failed = { status: 503, state: 'failed', reason: 'There is no model' }
  const { url } = await service(t, [loading('one'), failed])
  await t.rejects(untilHealthy(url), { message: 'There is no model' })
  const endless = await service(t, [loading('one')])
  const stop = new AbortController()
  const waiting = untilHealthy(endless.url, {
    signal: stop.signal,
    tell: () => stop.abort(new Error('Enough')),
  })
  await t.rejects(waiting, { message: 'Enough' })
})
