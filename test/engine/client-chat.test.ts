/** The client with an engine of the test's own: whom it asks, and what becomes of answers and broken connections. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createEngineClient } from '../../src/engine/client.ts'
import type { ChatBody } from '../../src/engine/wire.ts'

const never = new AbortController().signal
/** Milliseconds: a busy machine answers late. */
const patient = 60_000
const body: ChatBody = { messages: [{ role: 'user', content: 'hello' }], max_tokens: 1, temperature: 0 }

async function clientOf(t: Test, answer: RequestListener) {
  const folder = mkdtempSync(join(tmpdir(), 'chat-'))
  const socket = join(folder, 's')
  const requests: string[] = []
  let lastBody = ''
  const server = createServer(async (request, response) => {
    lastBody = await text(request)
    requests.push(`${request.method} ${request.url} ${request.headers['content-type'] ?? ''}`.trim())
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const client = createEngineClient(socket)
  t.teardown(async () => {
    await client.close()
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  })
  return { client, requests, lastBody: () => JSON.parse(lastBody) }
}

/** All texts of a chat, and whether it had settled by the time it ended. */
async function chat(client: ReturnType<typeof createEngineClient>, signal = never) {
  const outcome = { text: '', settled: 0, error: undefined as unknown, settledAtEnd: 0 }
  try {
    for await (const event of client.chat(body, signal, () => (outcome.settled += 1))) {
      if (event.type === 'text') outcome.text += event.text
    }
  } catch (error) {
    outcome.error = error
  }
  outcome.settledAtEnd = outcome.settled
  return outcome
}

const whole =
  'data: {"choices":[{"delta":{"content":"hi"},"finish_reason":"stop"}],"usage":{},"timings":{}}\n\n'

t.test('asks for what it wants to know', async (t) => {
  const answers: Record<string, [number, unknown]> = {
    '/health': [503, { error: {} }],
    '/props': [200, { modalities: { vision: true }, model_alias: 'tiny.gguf' }],
    '/slots': [200, [{ is_processing: true }, { is_processing: false }, { is_processing: true }]],
    '/v1/chat/completions/input_tokens': [200, { input_tokens: 7 }],
  }
  const { client, requests, lastBody } = await clientOf(t, ({ url = '' }, response) => {
    const [status, answer] = answers[url] ?? [404, {}]
    response.writeHead(status).end(JSON.stringify(answer))
  })
  t.equal(await client.health(patient), 503)
  t.strictSame(await client.properties(patient), answers['/props']?.[1])
  t.equal(await client.busySlots(patient), 2)
  t.equal(await client.countTokens(body, never), 7)
  t.match(lastBody(), body)
  t.strictSame(requests, [
    'GET /health',
    'GET /props',
    'GET /slots',
    'POST /v1/chat/completions/input_tokens application/json',
  ])
})

t.test('a whole answer settles with its end', async (t) => {
  const { client, requests } = await clientOf(t, (_request, response) => void response.end(whole))
  t.match(await chat(client), { text: 'hi', settledAtEnd: 1, error: undefined })
  t.strictSame(requests, ['POST /v1/chat/completions application/json'], 'nobody asks after the slots')
})

t.test('a refusal settles at once: the engine never began', async (t) => {
  const { client, requests } = await clientOf(t, (_request, response) => {
    response.writeHead(400).end('{"error":{"message":"Failed to load image"}}')
  })
  t.match(await chat(client), { settledAtEnd: 1, error: { code: 'image_refused' } })
  t.equal(requests.length, 1)
  await t.rejects(client.countTokens(body, never), { code: 'image_refused' })
})

t.test('a connection that breaks is the end of the engine, whatever was asked', async (t) => {
  const { client } = await clientOf(t, (request, response) => {
    if (request.url === '/v1/chat/completions') response.write('data: {}\n\n')
    setImmediate(() => request.socket.destroy())
  })
  t.match(await chat(client), { error: { code: 'engine_crashed', cause: Error } })
  await t.rejects(client.countTokens(body, never), { code: 'engine_crashed', cause: Error })
})

t.test('who leaves hears the reason of the signal', async (t) => {
  const { client } = await clientOf(t, () => {})
  const signal = AbortSignal.abort(new Error('gone'))
  t.match(await chat(client, signal), { error: { message: 'gone' } })
  await t.rejects(client.countTokens(body, signal), { message: 'gone' })
})

t.test('each question has a connection of its own', async (t) => {
  const sockets = new Set<unknown>()
  const { client } = await clientOf(t, (request, response) => {
    sockets.add(request.socket)
    response.end('[]')
  })
  await client.busySlots(patient)
  await client.busySlots(patient)
  await client.countTokens(body, never)
  await client.countTokens(body, never)
  t.equal(sockets.size, 4)
})

t.test('first tokens are asked for whole, and come with how likely they are', async (t) => {
  const listed = [{ token: 'red', logprob: -0.5 }]
  const { client, lastBody } = await clientOf(t, (_request, response) => {
    response.end(JSON.stringify({ choices: [{ logprobs: { content: [{ top_logprobs: listed }] } }] }))
  })
  t.strictSame(await client.firstTokens(body, never), listed)
  t.match(lastBody(), { logprobs: true, stream: undefined })
})

t.test('first tokens that do not come are a failure of ours, or the reason of who left', async (t) => {
  const refusing = await clientOf(t, (_request, response) => void response.writeHead(500).end('{}'))
  await t.rejects(refusing.client.firstTokens(body, never), { code: 'engine_error' })
  const breaking = await clientOf(t, (request) => void request.socket.destroy())
  await t.rejects(breaking.client.firstTokens(body, never), { code: 'engine_crashed', cause: Error })
  const signal = AbortSignal.abort(new Error('gone'))
  await t.rejects(breaking.client.firstTokens(body, signal), { message: 'gone' })
})

t.test('an answer in one piece that does not end is given up', async (t) => {
  for (const status of [200, 500]) {
    const { client } = await clientOf(t, (_request, response) => {
      response.writeHead(status)
      const more = () => {
        while (!response.closed && response.write(' '.repeat(65_536)));
      }
      response.on('drain', more)
      more()
    })
    const given = { code: 'engine_error', cause: 'The answer does not end' }
    await t.rejects(client.firstTokens(body, never), given)
    await t.rejects(client.countTokens(body, never), given)
    await t.rejects(client.properties(patient), given)
    t.match((await chat(client)).error, { code: 'engine_error' })
  }
})

t.test('nobody is asked once it is closed', async (t) => {
  const { client, requests } = await clientOf(t, (_request, response) => void response.end('[]'))
  await client.close()
  await t.rejects(client.busySlots(patient), { code: 'UND_ERR_DESTROYED' })
  t.strictSame(requests, [])
})
