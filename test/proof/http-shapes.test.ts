/** All shapes of HTTP, at a service within this test. */
import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { connectionLimits } from '../../src/http/connections.ts'
import { testApp } from '../support/app.ts'
import { brokenShapes, shapes } from './http-shapes.ts'
import { errorOf, spoken } from './raw-answers.ts'

const limitMs = 60_000

t.test('each shape of HTTP comes to its end', async (t) => {
  // Who sends nothing more is waited for, though not for as long as in earnest.
  const connections = { ...connectionLimits, headers: 3000, pause: 3000, silence: 4000, check: 100 }
  const app = await testApp(t, { connections })
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.ok(shapes.length >= 70)
  t.equal(new Set(shapes.map(({ name }) => name)).size, shapes.length)
  t.strictSame(await brokenShapes((app.server.address() as AddressInfo).port, limitMs), [])
})

t.test('what is heard is told apart', async (t) => {
  const said = (text: string) =>
    new Promise<number>((resolve) => {
      const server = createServer((socket) => void socket.on('error', () => {}).end(text))
      t.teardown(() => server.close())
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
    })
  const head = 'HTTP/1.1 200 OK\r\n'
  const cases: [text: string, bodies: string[], rest: string][] = [
    ['', [], ''],
    [`${head}Content-Length: 2\r\n\r\nab`, ['ab'], ''],
    [
      `HTTP/1.1 100 Continue\r\n\r\n${head}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`,
      ['abc'],
      '',
    ],
    [`${head}Content-Length: 1\r\n\r\na${head}\r\nb`, ['a', 'b'], ''],
    [`${head}Content-Length: 9\r\n\r\nab`, [], `${head}Content-Length: 9\r\n\r\nab`.slice(0, 40)],
  ]
  for (const [text, bodies, rest] of cases) {
    const heard = await spoken(await said(text), ['x'], { limitMs })
    t.strictSame(
      heard.answers.map(({ body }) => body),
      bodies,
      text,
    )
    t.equal(heard.rest, rest)
    t.ok(heard.closed)
  }
  t.equal(errorOf('{"error":"a sentence"}'), 'a sentence')
  t.equal(errorOf('{"error":"a","details":{"code":"b"}}'), 'b')
  t.equal(errorOf('{"error":{"message":"a","code":"b"}}'), 'b')
  for (const text of ['', 'Not found', '{}', '{"error":{}}', '[]']) t.equal(errorOf(text), undefined)
})
