/** Which failures a question outlives. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createPatience, Hopeless } from '../../../src/cli/caption/patience.ts'

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

/** A service that replies so to questions, one after the other, and then answers; what was paused for, and what was told. */
async function service(t: Test, replies: Reply[], patienceSeconds = 1000) {
  const left = [...replies]
  let probes = 0
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/event-stream')
    if (request.url === '/health') {
      probes += 1
      // Whoever stands in front of it speaks first.
      if (probes === 1) response.writeHead(502).end('<html>')
      else response.writeHead(503).end('{"engine":{"state":"loading"}}')
    } else request.resume().once('end', () => (left.shift() ?? answer)(response))
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
  const controller = new AbortController()
  const patience = createPatience({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    key: undefined,
    signal: controller.signal,
    note: (sentence) => notes.push(sentence),
    patienceSeconds,
    pause,
  })
  const ask = () => patience.ask(new Blob(['a']), 'What?', {})
  return { ask, pauses, notes, server, controller }
}

t.test('who is busy is asked again when it says, also where a stream says so', async (t) => {
  const busy = refuse(429, 'queue_full', { retry_after_seconds: 7 })
  const loading = refuse(503, 'engine_loading', { retry_after_seconds: 600 })
  const { ask, pauses, notes } = await service(t, [busy, loading, failLate])
  t.match(await ask(), { response_text: 'a star' })
  t.same(pauses, [7, 600, 3])
  t.same(notes, ['sorry: engine_loading; it is asked again in 10 min 0 s'], 'what is long is told')
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
  t.same(pauses, [1, 2, 1])
  const gone = /^the service cannot be reached: .*; it is waited for, 16 min 40 s at most$/
  t.match(notes, [gone, 'the service is back', gone, 'the service is back'])
})

t.test('a picture in whose middle the connection breaks again and again is given up alone', async (t) => {
  const { ask } = await service(t, [answer, breakOff, cutOff, breakOff])
  await ask()
  const error = await ask().catch((thrown) => thrown)
  t.match(error, { message: /the connection broke 3 times/ })
  t.notOk(error instanceof Hopeless)
  t.match(await ask(), { response_text: 'a star' })
})

t.test('without a service from the start nothing is waited for', async (t) => {
  const { ask, pauses, server } = await service(t, [])
  await new Promise((resolve) => server.close(resolve))
  await t.rejects(ask(), { name: 'Hopeless', message: 'the service cannot be reached: ECONNREFUSED' })
  t.same(pauses, [])
})

t.test('a service that does not come back is given up in the end', async (t) => {
  const { ask, pauses, server } = await service(t, [], 0)
  await ask()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await t.rejects(ask(), { name: 'Hopeless' })
  t.same(pauses, [])
})

t.test('who interrupts is not kept', async (t) => {
  const stop: Reply = (response) => {
    controller.abort(new Error('Interrupted'))
    response.destroy()
  }
  const { ask, controller } = await service(t, [answer, stop])
  await ask()
  await t.rejects(ask(), { message: 'Interrupted' })
})

t.test('a proxy in front of a service that has gone is no answer of its own', async (t) => {
  const bad: Reply = (response) => response.writeHead(502).end('<html>Bad Gateway</html>')
  const { ask, pauses } = await service(t, [answer, bad, bad])
  await ask()
  t.match(await ask(), { response_text: 'a star' })
  t.same(pauses, [1, 2, 1])
})

t.test('when to come back may be a header, in seconds or as a date', async (t) => {
  const inSeconds: Reply = (response) => response.writeHead(503, { 'retry-after': '7' }).end('<html>')
  const asDate: Reply = (response) => {
    const date = new Date(Date.now() + 20_000).toUTCString()
    response.writeHead(429, { 'retry-after': date }).end(refusal('queue_full'))
  }
  const { ask, pauses } = await service(t, [inSeconds, asDate])
  await ask()
  t.equal(pauses[0], 7)
  t.ok((pauses[1] ?? 0) > 15 && (pauses[1] ?? 0) <= 20, `${pauses[1]}`)
})

t.test('a service that is always busy is given up, too', async (t) => {
  const busy = refuse(429, 'queue_full', { retry_after_seconds: 600 })
  const { ask, pauses } = await service(t, [busy, busy], 500)
  await t.rejects(ask(), {
    name: 'Hopeless',
    message: 'sorry: queue_full; it is waited for no longer than 8 min 20 s',
  })
  t.same(pauses, [])
})

t.test('what is said of the question is said once, for all pictures', async (t) => {
  for (const code of ['unauthorized', 'invalid_json_schema', 'out_of_range']) {
    const { ask } = await service(t, [refuse(400, code)])
    await t.rejects(ask(), { name: 'Hopeless', message: `sorry: ${code}` })
  }
})

t.test('whoever was beside another when the engine ended is asked about once more', async (t) => {
  const waiting: (() => void)[] = []
  const crashTogether: Reply = (response) => {
    waiting.push(() => refuse(500, 'engine_crashed')(response))
    if (waiting.length === 2) for (const crash of waiting) crash()
  }
  const { ask } = await service(t, [crashTogether, crashTogether, refuse(500, 'engine_crashed'), answer])
  const outcomes = await Promise.allSettled([ask(), ask()])
  t.same(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})
