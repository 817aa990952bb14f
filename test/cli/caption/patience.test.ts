/** Which failures a question outlives. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createPatience, Unreachable } from '../../../src/cli/caption/patience.ts'

const done = 'event: done\ndata: {"response_text":"a star"}\n\n'
const refusal = (code: string, more = {}) =>
  JSON.stringify({ error: `sorry: ${code}`, details: { code, ...more } })

type Reply = (response: ServerResponse) => void
const answer: Reply = (response) => response.end(done)
const refuse =
  (status: number, code: string, more = {}): Reply =>
  (response) =>
    response.writeHead(status).end(refusal(code, more))
const breakOff: Reply = (response) => response.destroy()
const cutOff: Reply = (response) => response.end('event: queued\ndata: {"position":0,"seconds_left":0}\n\n')
const failLate: Reply = (response) =>
  response.end(`event: error\ndata: ${refusal('shutting_down', { retry_after_seconds: 3 })}\n\n`)

/** A service that replies so, one after the other, and then answers; what was paused for, and what was told. */
async function service(t: Test, replies: Reply[], seconds = 1000) {
  const left = [...replies]
  const server = createServer((request, response) => {
    request.resume().once('end', () => (left.shift() ?? answer)(response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const pauses: number[] = []
  const notes: string[] = []
  const pause = async (ms?: number) => {
    pauses.push((ms ?? 0) / 1000)
    return undefined as never
  }
  const patience = createPatience((sentence) => notes.push(sentence), { seconds, pause })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const ask = (controller = new AbortController()) =>
    patience.ask(new Blob(['a']), 'What?', { url, key: undefined, fields: {}, signal: controller.signal })
  return { ask, pauses, notes, server }
}

t.test('who is busy is asked again when it says, also where a stream says so', async (t) => {
  const busy = refuse(429, 'queue_full', { retry_after_seconds: 7 })
  const loading = refuse(503, 'engine_loading', { retry_after_seconds: 600 })
  const { ask, pauses, notes } = await service(t, [busy, loading, failLate])
  t.match(await ask(), { response_text: 'a star' })
  t.same(pauses, [7, 60, 3], 'and at least once a minute')
  t.same(notes, [])
})

t.test('what is said of the picture is final', async (t) => {
  for (const reply of [
    refuse(400, 'corrupt_image'),
    refuse(422, 'poison_request'),
    refuse(500, 'engine_crashed'),
  ]) {
    const { ask, pauses } = await service(t, [reply])
    await t.rejects(ask(), { name: 'Refusal' })
    t.same(pauses, [])
  }
})

t.test('a service that has gone is waited for, which is told once', async (t) => {
  const { ask, pauses, notes } = await service(t, [answer, breakOff, cutOff])
  await ask()
  t.match(await ask(), { response_text: 'a star' })
  t.same(pauses, [1, 2])
  t.match(notes, [/^the service cannot be reached: .*; it is waited for$/, 'the service is back'])
})

t.test('a picture in whose middle the connection breaks again and again is given up alone', async (t) => {
  const { ask } = await service(t, [answer, breakOff, cutOff, breakOff])
  await ask()
  const error = await ask().catch((thrown) => thrown)
  t.match(error, { message: /the connection broke 3 times/ })
  t.notOk(error instanceof Unreachable)
  t.match(await ask(), { response_text: 'a star' })
})

t.test('without a service from the start nothing is waited for', async (t) => {
  const { ask, pauses, server } = await service(t, [])
  await new Promise((resolve) => server.close(resolve))
  await t.rejects(ask(), { name: 'Unreachable', message: 'the service cannot be reached: ECONNREFUSED' })
  t.same(pauses, [])
})

t.test('a service that does not come back is given up in the end', async (t) => {
  const { ask, pauses, server } = await service(t, [], 0)
  await ask()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await t.rejects(ask(), { name: 'Unreachable' })
  t.ok(pauses.length < 3)
})

t.test('who interrupts is not kept', async (t) => {
  const controller = new AbortController()
  const stop: Reply = (response) => {
    controller.abort(new Error('Interrupted'))
    response.destroy()
  }
  const { ask } = await service(t, [answer, stop])
  await ask()
  await t.rejects(ask(controller), { message: 'Interrupted' })
})
