/** Requests of the MCP door that are cancelled, and many at once. */
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { App } from '../../src/app.ts'
import { callsUnderWay } from '../../src/doors/mcp/calls.ts'
import type { Inference } from '../../src/inference/infer.ts'
import { testApp } from '../support/app.ts'

const post = (app: App, payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/mcp', headers, payload: { jsonrpc: '2.0', ...payload } })

const call = (id: number) => ({
  id,
  method: 'tools/call',
  params: { name: 'look', arguments: { picture: 'AAAA', question: 'What colour is it?' } },
})

/** Waits until its signal fires. */
function waiting() {
  const signals: AbortSignal[] = []
  const infer: Inference['infer'] = ({ signal, tell }) => {
    signals.push(signal)
    tell?.({ type: 'queued', position: 0, secondsLeft: null })
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  return { infer, signals }
}

const cancel = (requestId: number) => ({
  method: 'notifications/cancelled',
  params: { requestId },
})

t.test('a request is cancelled by a message of its own session, and by no other', async (t) => {
  const { infer, signals } = waiting()
  const app = await testApp(t, { infer }, { API_KEYS: 'one,other' })
  const mine = { authorization: 'Bearer one', 'mcp-session-id': 'a' }
  const streamed = post(app, call(1), { ...mine, accept: 'text/event-stream' })
  const plain = post(app, call(2), mine)
  while (signals.length < 2) await sleep(5)
  await post(app, cancel(1), { ...mine, 'mcp-session-id': 'b' })
  await post(app, cancel(1), { ...mine, authorization: 'Bearer other' })
  await post(app, cancel(3), mine)
  t.notOk(signals.some(({ aborted }) => aborted))
  await post(app, cancel(1), mine)
  t.match(signals[0]?.reason, { code: 'client_gone' })
  t.notOk(signals[1]?.aborted)
  t.equal((await streamed).body, '', 'what is cancelled is not answered')
  await post(app, cancel(2), mine)
  t.same([(await plain).statusCode, (await plain).body], [202, ''])
  await post(app, cancel(2), mine)
})

t.test('what has ended is not cancelled any more', async (t) => {
  const { run, cancel } = callsUnderWay()
  const name = { caller: 'a', session: 'b', id: 1 }
  const signals: AbortSignal[] = []
  await run(name, async (cancelled) => void signals.push(cancelled))
  await run(name, async (first) => {
    const second = run(name, async (cancelled) => void signals.push(first, cancelled))
    await second
    cancel(name)
  })
  t.notOk(signals.some(({ aborted }) => aborted))
})

t.test('a client that wants no progress hears that it is not forgotten', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { infer, signals } = waiting()
  const app = await testApp(t, { infer })
  const session = { 'mcp-session-id': 'a' }
  const answer = post(app, call(1), { ...session, accept: 'text/event-stream' })
  while (signals.length < 1) await sleep(5)
  mock.timers.tick(25_000)
  await post(app, cancel(1), session)
  t.equal((await answer).body, ': still here\n\n: still here\n\n')
})

const hello = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
}

t.test('a flood of greetings costs little', async (t) => {
  const app = await testApp(t)
  const began = process.memoryUsage().heapUsed
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(app, hello)))
    t.ok(answers.every(({ statusCode }) => statusCode === 200))
  }
  t.ok(process.memoryUsage().heapUsed - began < 256 * 1024 ** 2)
})
