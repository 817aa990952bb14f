/** Requests of the MCP door that are cancelled, and many at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { App } from '../../src/app.ts'
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
