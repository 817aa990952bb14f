/** How a request came to an end for the engine, which tells whether it may be what the engine ended on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createEngineClient } from '../../src/engine/client.ts'
import type { Settled } from '../../src/engine/conduct.ts'
import type { ChatBody } from '../../src/engine/wire.ts'

const body: ChatBody = { messages: [{ role: 'user', content: 'hello' }], max_tokens: 1, temperature: 0 }
const word = 'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
const end = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{},"timings":{}}\n\n'

/** Its caller leaves once the first word has come. */
const wordAndGone =
  (leaving: AbortController): RequestListener =>
  (_, to) =>
    to.write(word, () => leaving.abort())

/** An engine whose slots are free, until it is gone. */
async function engine(
  t: Test,
  answer: RequestListener,
  slots: RequestListener = (_, to) => void to.end('[]'),
) {
  const folder = mkdtempSync(join(tmpdir(), 'settled-'))
  const server = createServer((request, response) =>
    (request.url === '/slots' ? slots : answer)(request, response),
  )
  const socket = join(folder, 's')
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  let answers = 0
  const client = createEngineClient(socket, { onAnswered: () => (answers += 1) })
  const gone = () => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(async () => {
    await client.close()
    gone()
    rmSync(folder, { recursive: true })
  })
  const settled = (signal = new AbortController().signal) =>
    new Promise<Settled>((resolve) => {
      const listen = async () => {
        for await (const _ of client.chat(body, signal, resolve));
      }
      listen().catch(() => {})
    })
  return { client, gone, settled, answers: () => answers }
}

t.test('an answer, and a refusal for a fault of the caller, are answers', async (t) => {
  const { settled, client, answers } = await engine(t, (_, to) => void to.end(end))
  client.conduct.failed()
  t.equal(await settled(), 'answered')
  t.equal(client.conduct.failures, 0)
  t.equal(answers(), 1)
  const refusing = await engine(t, (_, to) => void to.writeHead(400).end('{}'))
  t.equal(await refusing.settled(), 'answered')
  t.equal(refusing.client.conduct.endedAtWork(), false)
})

t.test('a failure of an engine that goes on is a request that it let go', async (t) => {
  const failing = await engine(t, (_, to) => void to.writeHead(500).end('{}'))
  t.equal(await failing.settled(), 'given up')
  t.equal(failing.client.conduct.failures, 1)
  const cutting = await engine(t, (_, to) => to.write(word, () => to.destroy()))
  t.equal(await cutting.settled(), 'given up')
  t.equal(cutting.client.conduct.failures, 1)
})

t.test('an engine that is gone in the middle ended on it', async (t) => {
  const { settled, gone, client } = await engine(t, (_, to) => to.write(word, () => gone()))
  t.equal(await settled(), 'engine ended')
  t.equal(client.conduct.endedAtWork(), true)
})

t.test('an engine that was gone before did not', async (t) => {
  const { settled, gone } = await engine(t, () => {})
  gone()
  t.equal(await settled(), 'given up')
})

t.test('who leaves lets the engine go on, and who is late to tell of its slots is not gone', async (t) => {
  let looks = 0
  const leaving = new AbortController()
  const { settled } = await engine(t, wordAndGone(leaving), (_, to) => {
    looks += 1
    // The first look runs out of time, as on a machine with no time for it.
    if (looks > 1) to.end('[]')
  })
  t.equal(await settled(leaving.signal), 'given up')
  t.equal(looks, 2)
})

t.test('an engine that does not let go within two minutes counts as ended', async (t) => {
  const clock = { ahead: 0 }
  const real = performance.now.bind(performance)
  t.intercept(performance, 'now', { value: () => real() + clock.ahead })
  let looks = 0
  const leaving = new AbortController()
  const { settled } = await engine(t, wordAndGone(leaving), (_, to) => {
    looks += 1
    if (looks === 2) clock.ahead = 120_000
    to.end('[{"is_processing":true}]')
  })
  t.equal(await settled(leaving.signal), 'engine ended')
  t.equal(looks, 2)
})

t.test('each word is remembered with its time', async (t) => {
  let goOn = () => {}
  const { client, settled } = await engine(t, (_, to) => {
    to.write(word)
    goOn = () => void to.end(end)
  })
  const settling = settled()
  const [held] = client.conduct.held
  const began = held?.heardAt ?? 0
  while (held?.heardAt === began) await new Promise(setImmediate)
  t.ok((held?.heardAt ?? 0) > began)
  goOn()
  t.equal(await settling, 'answered')
  t.equal(client.conduct.held.size, 0)
})
