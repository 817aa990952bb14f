/** When the engine has let go of a request: what it says of its slots decides, not that its client has gone. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createEngineClient } from '../../src/engine/client.ts'
import { until } from '../support/until.ts'

/** An engine of two slots whose answers never end; `busy` is what it says of them. */
async function endlessEngine(t: Test) {
  const socket = join(mkdtempSync(join(tmpdir(), 'slots-')), 'engine.sock')
  const engine = { busy: 0, looks: 0 }
  const server = createServer((request, response) => {
    if (request.url === '/slots') {
      engine.looks += 1
      return void response.end(JSON.stringify([0, 1].map((id) => ({ id, is_processing: id < engine.busy }))))
    }
    engine.busy += 1
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`data: ${JSON.stringify({ choices: [{ delta: { content: 'a' } }] })}\n\n`)
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const client = createEngineClient(socket)
  t.teardown(async () => {
    await client.close()
    server.closeAllConnections()
    server.close()
    rmSync(join(socket, '..'), { recursive: true })
  })
  /** A chat that has begun to answer. */
  async function begun() {
    const caller = new AbortController()
    const chat = { settled: false, leave: async () => {} }
    const body = { messages: [{ role: 'user' as const, content: 'hello' }], max_tokens: 1, temperature: 0 }
    const events = client.chat(body, caller.signal, () => {
      chat.settled = true
    })
    t.match(await events.next(), { value: { type: 'text', text: 'a' } })
    chat.leave = async () => {
      caller.abort(new Error('gone'))
      await t.rejects(events.next(), /gone/)
    }
    return chat
  }
  return { engine, begun }
}

t.test('a slot comes back when the engine is done with it, and not before', async (t) => {
  const { engine, begun } = await endlessEngine(t)
  const chat = await begun()
  await chat.leave()
  await until(() => engine.looks > 2, 'a third look')
  t.equal(chat.settled, false, 'the engine still works on it')
  engine.busy = 0
  await until(() => chat.settled, 'settled')
})

t.test('each of two slots comes back by itself', async (t) => {
  const { engine, begun } = await endlessEngine(t)
  const [first, second] = [await begun(), await begun()]
  await first.leave()
  await until(() => engine.looks > 2, 'a third look')
  t.equal(first.settled, false)
  engine.busy = 1
  await until(() => first.settled, 'the first settled')
  const looks = engine.looks
  await second.leave()
  await until(() => engine.looks > looks + 2, 'further looks')
  t.equal(second.settled, false)
  engine.busy = 0
  await until(() => second.settled, 'the second settled')
  await sleep(0)
})
