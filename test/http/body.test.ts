/** How bodies come: in pieces, slowly, too many at once, or only when they are asked for. */
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connectionLimits } from '../../src/http/connections.ts'
import type { Call } from '../../src/inference/infer.ts'
import { answerOf, echo, type TestParts, testApp } from '../support/app.ts'
import { requestText, speak } from '../support/raw-http.ts'
import { until } from '../support/until.ts'

const mib = 1024 ** 2

/** Room for two bodies of a MiB. */
const small = { MAX_BODY_MIB: '1', SLOTS: '1', QUEUE_SIZE: '1' }

async function listening(t: Test, parts: TestParts = {}, env: Record<string, string> = small) {
  const app = await testApp(t, parts, env)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

const bodyOf = (bytes: number) => {
  const text = JSON.stringify({ prompt: 'a', image: '' })
  return text.replace('""', `"${'A'.repeat(bytes - text.length)}"`)
}
const large = requestText('/infer', bodyOf(0.9 * mib))

t.test('a body may come in pieces of one byte, and in one of all', async (t) => {
  const port = await listening(t)
  const body = JSON.stringify({ prompt: 'drip after drip', image: 'AAAA' })
  const head =
    'POST /infer HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
  const chunks = [...body].map((letter) => `1\r\n${letter}\r\n`).join('')
  const dripping = speak(t, port, `${head}${chunks}0\r\n\r\n`)
  await dripping.says('"response_text":"drip after drip"')
  const whole = speak(t, port, large)
  await whole.says('"response_text":"a"')
})

t.test('bodies that nobody finishes make room for one that comes', async (t) => {
  const port = await listening(t, { connections: { ...connectionLimits, pause: 600_000 } })
  const unfinished = [speak(t, port, large.slice(0, -9)), speak(t, port, large.slice(0, -9))]
  await until(() => unfinished.every(({ socket }) => socket.bytesWritten > 0.8 * mib), 'two bodies')
  await (await untilTaken(t, port)).says('"response_text":"a"')
})

t.test('the memory of a body comes back when its request is over, and not before', async (t) => {
  const inside: (() => void)[] = []
  const infer = () =>
    new Promise<ReturnType<typeof answerOf>>((resolve) => inside.push(() => resolve(answerOf('done'))))
  const port = await listening(t, { infer })
  const [first, second] = [speak(t, port, large), speak(t, port, large)]
  await until(() => inside.length === 2, 'two inside')
  const refused = speak(t, port, large)
  await refused.says('"code":"bodies_full"')
  t.match(refused.answer(), /^HTTP\/1\.1 503 .*\r\nretry-after: 2\r\n.*"limit":2097152/s)
  first.socket.resetAndDestroy()
  const third = untilTaken(t, port)
  await until(() => inside.length === 3, 'one in the place of who left')
  for (const answer of inside.splice(0)) answer()
  await second.says('"response_text":"done"')
  await (await third).says('"response_text":"done"')
  const fourth = speak(t, port, large)
  await until(() => inside.length === 1, 'one in the place of who was answered')
  inside[0]?.()
  await fourth.says('"response_text":"done"')
})

/** Asks until there is room, because it comes a little later. */
async function untilTaken(t: Test, port: number) {
  for (let tries = 0; tries < 1000; tries += 1) {
    const connection = speak(t, port, large)
    await connection.says('HTTP/1.1')
    if (!connection.answer().includes(' 503 ')) return connection
    await sleep(20)
  }
  throw new Error('There was never room')
}

t.test('a body that stands still is told so', async (t) => {
  const port = await listening(t, { connections: { ...connectionLimits, pause: 300 } })
  const connection = speak(t, port, large.slice(0, -9))
  await connection.says('"code":"request_timeout"')
  t.match(connection.answer(), /^HTTP\/1\.1 408 /)
})

t.test('who asks whether to send the body is told to go on, or why not', async (t) => {
  const calls: Call[] = []
  const infer = (call: Call) => {
    calls.push(call)
    return echo(call)
  }
  const port = await listening(t, { infer }, { ...small, API_KEYS: 'key' })
  const body = bodyOf(1000)
  const ask = (headers: Record<string, string | number>) => {
    const all = { Host: 'a', Expect: '100-continue', ...headers }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    return speak(t, port, `POST /infer HTTP/1.1\r\n${lines.join('')}\r\n`)
  }
  const right = {
    Authorization: 'Bearer key',
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  }
  const welcome = ask(right)
  await welcome.says('HTTP/1.1 100 Continue\r\n\r\n')
  welcome.socket.write(body)
  await welcome.says('"response_text":"a"')
  for (const [wrong, code] of [
    [{ Authorization: 'Bearer wrong' }, 'unauthorized'],
    [{ 'Content-Length': 9 * mib }, 'body_too_large'],
    [{ 'Content-Type': 'text/plain' }, 'unsupported_media_type'],
  ] as const) {
    const refused = ask({ ...right, ...wrong })
    await refused.closed()
    t.match(refused.answer(), new RegExp(`"code":"${code}"`))
    t.notMatch(refused.answer(), /100 Continue/, code)
  }
  t.equal(calls.length, 1)
})
