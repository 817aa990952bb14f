/** Answers that are of no use while their server stands still: nobody waits for the rest, and the connection ends. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { PullOptions } from '../../src/pull/pull.ts'
import { problem, puller, type Respond, sendFile, serve, someGguf } from '../support/pull-server.ts'

const file = { bytes: someGguf(100_000) }
/** Longer than a test may take: who reads on is never seen to end. */
const idleMs = 3_600_000

/** A server that begins `answer` and never ends it, unless asked with HEAD; `closed` is told of its connection. */
async function standingStill(t: Test, answer: (response: ServerResponse) => void, other?: Respond) {
  const closed: Promise<unknown>[] = []
  const { url } = await serve(t, (request, response) => {
    if (request.url !== '/still.gguf') return (other ?? (() => {}))(request, response)
    if (request.method === 'HEAD') return void response.writeHead(405).end()
    closed.push(once(response, 'close'))
    answer(response)
    response.write(file.bytes.subarray(0, 1000))
  })
  const run = (more: Partial<PullOptions> = {}) => puller(t, { idleMs, ...more }).run(`${url}/still.gguf`)
  return { closed, run }
}

t.test('the body of a redirect is not waited for', async (t) => {
  const { closed, run } = await standingStill(
    t,
    (response) => response.writeHead(302, { location: '/model.gguf', 'content-length': 5000 }),
    (request, response) => sendFile(file, request, response),
  )
  t.strictSame(await run(), ['still.gguf'])
  await Promise.all(closed)
  t.equal(closed.length, 1)
})

t.test('the body of a refusal is not waited for', async (t) => {
  const { closed, run } = await standingStill(t, (response) =>
    response.writeHead(404, { 'content-length': 5000 }),
  )
  await t.rejects(run(), problem(/does not exist \(404\)/))
  await Promise.all(closed)
  t.equal(closed.length, 1)
})

t.test('a file that does not fit is not read on', async (t) => {
  const { closed, run } = await standingStill(t, (response) =>
    response.writeHead(200, { 'content-length': file.bytes.length }),
  )
  await t.rejects(run({ freeBytes: async () => 50_000 }), problem(/make room/))
  await Promise.all(closed)
  t.equal(closed.length, 1)
})
