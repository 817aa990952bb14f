/** Requests that are answered while they are still being sent: every client gets its answer, whenever it listens. */
import { execFile, spawnSync } from 'node:child_process'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { connectionLimits } from '../../src/http/connections.ts'
import { testApp } from '../support/app.ts'
import { pythonWith } from '../support/python.ts'
import { requestText, speak } from '../support/raw-http.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)
const mib = 1024 ** 2
const body = 'A'.repeat(3 * mib)

async function listening(t: Test, env: Record<string, string> = {}, connections = connectionLimits) {
  const app = await testApp(t, { connections }, { MAX_BODY_MIB: '1', ...env })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/** Sends the body and hands back status and text. */
type Client = (url: string) => Promise<string>

const withFetch: Client = async (url) => {
  const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
  return `${response.status} ${await response.text()}`
}

/** Does not listen before everything is sent, as most clients in most languages. */
const withNode =
  (agent?: Agent): Client =>
  (url) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length }
      const request = httpRequest(url, { method: 'POST', headers, agent })
      const answer = new Promise<IncomingMessage>((resolve) => request.once('response', resolve))
      request.on('error', reject)
      request.end(body, async () => {
        const response = await answer
        let text = `${response.statusCode} `
        for await (const piece of response.setEncoding('utf8')) text += piece
        resolve(text)
      })
    })

const withCurl: Client = async (url) => {
  const words = ['-s', '-w', '%{http_code}', '-H', 'Expect:', '-H', 'Content-Type: application/json']
  const curl = run('curl', [...words, '--data-binary', '@-', url])
  curl.child.stdin?.on('error', () => {}).end(body)
  const { stdout } = await curl
  return `${stdout.slice(-3)} ${stdout}`
}

const withPython =
  (python: string, program: string): Client =>
  async (url) =>
    (await run(python, ['-c', program, url, String(body.length)])).stdout

const urllib = `
import sys, urllib.request, urllib.error
request = urllib.request.Request(sys.argv[1], b"A" * int(sys.argv[2]), {"Content-Type": "application/json"})
try:
    answer = urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
`
const requests = `
import sys, requests
answer = requests.post(sys.argv[1], data=b"A" * int(sys.argv[2]), headers={"Content-Type": "application/json"})
print(answer.status_code, answer.text)
`

t.test('every client reads why its body was refused', async (t) => {
  const python = await pythonWith('urllib')
  const pythonRequests = await pythonWith('requests')
  const keptAlive = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => keptAlive.destroy())
  const clients: [name: string, client: Client | undefined][] = [
    ['fetch', withFetch],
    ['node:http', withNode()],
    ['node:http on one connection', withNode(keptAlive)],
    ['curl', spawnSync('curl', ['--version']).status === 0 ? withCurl : undefined],
    ['urllib', python === undefined ? undefined : withPython(python, urllib)],
    ['requests', pythonRequests === undefined ? undefined : withPython(pythonRequests, requests)],
  ]
  const large = await listening(t)
  const closed = await listening(t, { API_KEYS: 'key' })
  for (const [name, client] of clients) {
    if (!client) t.comment(`${name} is not here`)
    for (let times = 0; client && times < 5; times += 1) {
      t.match(await client(`http://127.0.0.1:${large}/infer`), /^413 .*"body_too_large"/, name)
      t.match(await client(`http://127.0.0.1:${closed}/infer`), /^401 .*"unauthorized"/, name)
      t.match(await client(`http://127.0.0.1:${large}/v1/chat/completions`), /^413 .*"body_too_large"/, name)
    }
  }
})

t.test('who listens has the whole answer at once', async (t) => {
  const port = await listening(t)
  const { socket, says, answer } = speak(t, port, requestText('/infer', body).slice(0, 10_000))
  await says('"code":"body_too_large"')
  const [head = '', text = ''] = answer().split('\r\n\r\n')
  t.equal(Number(/content-length: (\d+)/.exec(head)?.[1]), text.length)
  t.match(head, /\r\nconnection: close/)
  t.notOk(socket.readableEnded, 'and may go on sending')
})

t.test('a body that came with its headers costs no connection', async (t) => {
  const port = await listening(t, { API_KEYS: 'key' })
  const { socket, says, answer } = speak(t, port, requestText('/infer', '{"prompt":"a"}'))
  await says('"code":"unauthorized"')
  t.notMatch(answer(), /connection: close/i)
  socket.write(requestText('/health', '', { method: 'GET' }))
  await says('"status":')
})

t.test('what is left is read within bounds', async (t) => {
  const unread = { totalMs: 600_000, pauseMs: 600_000 }
  const head = requestText('/infer', '').replace('Content-Length: 0', `Content-Length: ${1024 * mib}`)
  const patient = await listening(t, {}, { ...connectionLimits, unread })
  const { socket, says, closed } = speak(t, patient, head)
  await says('"code":"body_too_large"')
  const piece = Buffer.alloc(64 * 1024)
  await until(() => {
    if (!socket.destroyed && !socket.writableNeedDrain) socket.write(piece)
    return socket.destroyed
  }, 'the end of patience')
  await closed()
  t.ok(socket.bytesWritten < 64 * mib, `${socket.bytesWritten} bytes were sent`)

  for (const [name, times] of Object.entries({ totalMs: { totalMs: 300 }, pauseMs: { pauseMs: 300 } })) {
    const port = await listening(t, {}, { ...connectionLimits, unread: { ...unread, ...times } })
    const silent = speak(t, port, head)
    await silent.closed()
    t.match(silent.answer(), /"code":"body_too_large"/, name)
  }
})
