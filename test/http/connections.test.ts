/** How many connections there may be, how long they may take, and how they end. */
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connectionLimits, connectionsOf } from '../../src/http/connections.ts'
import { answerOf, type TestParts, testApp } from '../support/app.ts'
import { requestText, speak } from '../support/raw-http.ts'
import { until } from '../support/until.ts'

const question = requestText('/infer', JSON.stringify({ prompt: 'a', image: 'AAAA' }))
const health = requestText('/health', '', { method: 'GET' })

async function listening(t: Test, { connections, ...parts }: TestParts = {}) {
  const app = await testApp(t, { ...parts, connections: { ...connectionLimits, ...connections } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const count = promisify(app.server.getConnections.bind(app.server))
  /** Waits until the service itself holds so many connections. */
  const held = async (connections: number) => {
    let now = -1
    await until(() => {
      void count().then((held) => {
        now = held ?? -1
      })
      return now === connections
    }, `${connections} connections`)
  }
  return { app, port: (app.server.address() as AddressInfo).port, held }
}

t.test('bytes that are no HTTP are answered, and hold no connection', async (t) => {
  const { port, held } = await listening(t, { connections: { ...connectionLimits, parting: 50 } })
  const rude = Array.from({ length: 20 }, () => speak(t, port, 'GARBAGE\r\n\r\n'))
  for (const { says } of rude) await says('"code":"bad_request"')
  // None of them closes.
  await held(0)
})

t.test('who sends garbage without end is cut off', async (t) => {
  const { port, held } = await listening(t, { connections: { ...connectionLimits, parting: 600_000 } })
  const connection = speak(t, port, `GARBAGE\r\n\r\n${'x'.repeat(4 * 1024 ** 2)}`)
  await held(0)
  await connection.closed()
})

t.test('what is no request that could be answered is told what it is', async (t) => {
  const { port } = await listening(t)
  const get = (line: string, headers = 'Host: a\r\n') => `${line}\r\n${headers}\r\n`
  const shapes: [name: string, text: string, status: number, code: string][] = [
    [
      'long headers',
      get('GET /health HTTP/1.1', `Host: a\r\nX: ${'x'.repeat(20_000)}\r\n`),
      431,
      'headers_too_large',
    ],
    ['a long address', get(`GET /${'x'.repeat(20_000)} HTTP/1.1`), 431, 'headers_too_large'],
    ['another protocol', get('GET /health SPDY/3'), 400, 'bad_request'],
    ['no host', get('GET /health HTTP/1.1', ''), 400, 'bad_request'],
    ['two hosts', get('GET /health HTTP/1.1', 'Host: a\r\nhost: b\r\n'), 400, 'bad_request'],
    [
      'two lengths',
      get('POST /infer HTTP/1.1', 'Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n'),
      400,
      'bad_request',
    ],
    ['a tunnel', get('CONNECT example.com:443 HTTP/1.1'), 404, 'not_found'],
    [
      'an expectation',
      get('POST /infer HTTP/1.1', 'Host: a\r\nExpect: miracles\r\n'),
      417,
      'expectation_failed',
    ],
    [
      'chunks that are none',
      `${get(
        'POST /infer HTTP/1.1',
        'Host: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n',
      )}zz\r\n`,
      400,
      'bad_request',
    ],
  ]
  for (const [name, text, status, code] of shapes) {
    const connection = speak(t, port, text)
    await connection.says(`"code":"${code}"`)
    t.match(connection.answer(), new RegExp(`^HTTP/1\\.1 ${status} `), name)
  }
  const absolute = speak(t, port, get('GET http://localhost/health HTTP/1.1'))
  await absolute.says('"status":"healthy"')
  const old = speak(t, port, get('GET /health HTTP/1.0', ''))
  await old.says('"status":"healthy"')
})

t.test('a request that comes too slowly is told so; who says nothing is just let go', async (t) => {
  const times = { headers: 200, request: 400, check: 20, parting: 50 }
  const { port, held } = await listening(t, { connections: { ...connectionLimits, ...times } })
  const slow = { headers: health.slice(0, -4), body: question.slice(0, -4) }
  for (const [name, text] of Object.entries(slow)) {
    const connection = speak(t, port, text)
    await connection.closed()
    t.match(connection.answer(), /^HTTP\/1\.1 408 Request Timeout\r\n.*"code":"request_timeout"/s, name)
  }
  const silent = speak(t, port)
  await silent.closed()
  t.equal(silent.answer(), '')
  await held(0)
})

t.test('a client that does not read its answer is let go, one that waits for it is not', async (t) => {
  const { port, held } = await listening(t, {
    connections: { ...connectionLimits, silence: 1000 },
    metrics: {
      requested: () => {},
      exposition: async () => ({ mediaType: 'text/plain', text: 'figures '.repeat(8 * 1024 ** 2) }),
    },
    infer: async () => {
      await new Promise((resolve) => setTimeout(resolve, 3000))
      return answerOf('late')
    },
  })
  const patient = speak(t, port, question)
  const deaf = speak(t, port, requestText('/metrics', '', { method: 'GET' }))
  deaf.socket.pause()
  await patient.says('"response_text":"late"')
  await held(1)
  t.notOk(patient.socket.closed)
})

t.test('garbage behind a question ends it at once', async (t) => {
  let signal: AbortSignal | undefined
  const { port } = await listening(t, {
    connections: { ...connectionLimits, parting: 600_000 },
    infer: (call) => {
      signal = call.signal
      return new Promise((_, reject) =>
        call.signal.addEventListener('abort', () => reject(call.signal.reason)),
      )
    },
  })
  const { socket } = speak(t, port, question)
  await until(() => signal !== undefined, 'the question')
  socket.write('GARBAGE\r\n\r\n')
  await until(() => signal?.aborted === true, 'the end')
})

t.test('there are only so many connections, and idle ones make room', async (t) => {
  const { port } = await listening(t, { connections: { ...connectionLimits, most: 3 } })
  const kept = [speak(t, port, health), speak(t, port, health), speak(t, port, health)]
  for (const { says } of kept) await says('"status":"healthy"')
  const dropped = speak(t, port, health)
  await dropped.closed()
  t.equal(dropped.answer(), '')
  for (const { closed } of kept) await closed()
  await speak(t, port, health).says('"status":"healthy"')
})

t.test('a connection that cannot be accepted does not end the service', async (t) => {
  const { app, port } = await listening(t)
  app.server.emit('error', Object.assign(new Error('accept ENFILE'), { code: 'ENFILE' }))
  await speak(t, port, health).says('"status":"healthy"')
})

t.test('connections take half of the descriptors, others have the rest', (t) => {
  const limit = (descriptors: string) => {
    const root = t.testdir({
      proc: { self: { limits: `Max open files            ${descriptors}   files\n` } },
    })
    return connectionsOf(root)
  }
  t.equal(limit('1024                 524288'), 512)
  t.equal(limit('1048576              1048576'), 4096)
  t.equal(limit('unlimited            unlimited'), 4096)
  t.equal(connectionsOf(t.testdir({})), 4096, 'where nothing is told of them')
  t.end()
})
