/**
 * The Model Context Protocol's own client, unmodified, with the real engine over HTTP; then the same as others send it,
 * without that client.
 */
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import t, { type Test } from 'tap'
import { blueSquare, redSquare } from '../../src/plain-squares.ts'
import { colour, connected, look, occupied } from '../support/mcp.ts'
import { healthyService, type RunningService, untilInside } from '../support/service.ts'

let service: RunningService

t.before(async () => {
  service = await healthyService(t, { QUEUE_SIZE: '2', CONTEXT_SIZE: '8192' })
})

const overHttp = (t: Test, url = service.url, headers: Record<string, string> = {}) =>
  connected(
    t,
    // Its types are not made for `exactOptionalPropertyTypes`.
    new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }) as Transport,
  )

t.test('the tool, its answer, progress on the way', async (t) => {
  const client = await overHttp(t)
  t.match(client.getServerVersion(), { name: 'llama-vision' })
  t.match(client.getInstructions(), /vision model/)
  const { tools } = await client.listTools()
  t.same(
    tools.map(({ name }) => name),
    ['look'],
  )
  await client.ping()
  t.match(await look(client, { picture: redSquare, question: colour }), { isError: false, text: /red/i })
  const heard: string[] = []
  const onprogress = ({ message = '' }) => heard.push(message)
  const picture = `data:image/png;base64,${blueSquare}`
  t.match(await look(client, { picture, question: colour }, { onprogress }), { text: /blue/i })
  t.equal(heard[0], 'The service takes the question')
  t.ok(heard.includes('1 of 1 pictures prepared'))
  t.ok(heard.includes('Writing the answer, token 1'))
})

t.test('what is wrong is said, to the model or to the client', async (t) => {
  const client = await overHttp(t)
  t.match(await look(client, { picture: 'AAAA', question: colour }), {
    isError: true,
    text: /^Field picture does not hold a picture; send/,
  })
  t.match(await look(client, { picture: 'https://example.com/a.png', question: colour }), {
    isError: true,
    text: /IMAGE_URL_ALLOW/,
  })
  t.match(await look(client, { picture: '/etc/passwd', question: colour }), { isError: true })
  await t.rejects(client.callTool({ name: 'list' }), { code: -32602, message: /there is look/ })
  await t.rejects(client.listPrompts(), { code: -32601 })
})

t.test('a key is asked for where there are keys', async (t) => {
  const { url } = await healthyService(t, { API_KEYS: 'secret' })
  for (const headers of [undefined, { authorization: 'Bearer guess' }])
    await t.rejects(overHttp(t, url, headers), /An API key is needed/)
  const client = await overHttp(t, url, { authorization: 'Bearer secret' })
  t.match(await look(client, { picture: redSquare, question: colour }), { text: /red/i })
})

t.test('who cancels gives the place back, who comes to a full house is told so', async (t) => {
  const [client, other] = [await overHttp(t), await overHttp(t)]
  const leave = await occupied(t, service.url)
  const caller = new AbortController()
  const cancelled = look(client, { picture: redSquare, question: colour }, { signal: caller.signal })
  await untilInside(service.url, 1, 1)
  // The same id as the request that is cancelled, in a session of its own.
  const kept = look(other, { picture: blueSquare, question: colour })
  await untilInside(service.url, 1, 2)
  t.match(await look(client, { picture: redSquare, question: colour }), {
    isError: true,
    text: /^The service is busy: .*\. Try again in \d+ s$/,
  })
  caller.abort()
  await t.rejects(cancelled)
  await untilInside(service.url, 1, 1)
  const left = look(client, { picture: redSquare, question: colour })
  await untilInside(service.url, 1, 2)
  await client.close()
  await t.rejects(left)
  await untilInside(service.url, 1, 1)
  await leave()
  t.match(await kept, { isError: false, text: /blue/i })
})

t.test(
  'as others send it: a call without a greeting as curl does it, the first version, events only',
  async (t) => {
    const post = (message: object, headers: Record<string, string>) =>
      fetch(`${service.url}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ jsonrpc: '2.0', ...message }),
      })
    const params = { name: 'look', arguments: { picture: redSquare, question: colour } }
    const call = { id: 'a', method: 'tools/call', params }
    for (const accept of ['*/*', 'application/json']) {
      const bare = await post(call, { accept })
      t.match(bare.headers.get('content-type'), /^application\/json/)
      t.match(await bare.json(), { id: 'a', result: { content: [{ text: /red/i }] } })
    }
    const clientInfo = { name: 'old', version: '1' }
    const old = { protocolVersion: '2024-11-05', capabilities: {}, clientInfo }
    const greeted = await post({ id: 0, method: 'initialize', params: old }, { accept: 'application/json' })
    t.match(await greeted.json(), { result: { protocolVersion: '2024-11-05' } })
    t.equal((await post({ method: 'notifications/initialized' }, {})).status, 202)
    const events = await post(
      { ...call, params: { ...params, _meta: { progressToken: 7 } } },
      { accept: 'text/event-stream', 'mcp-protocol-version': '2024-11-05' },
    )
    t.equal(events.headers.get('content-type'), 'text/event-stream')
    const text = await events.text()
    t.match(text, /"method":"notifications\/progress","params":\{"progressToken":7,"progress":1,/)
    t.match(text, /"text":"red"/i)
    t.equal((await fetch(`${service.url}/mcp`, { headers: { accept: 'text/event-stream' } })).status, 405)
    t.equal((await fetch(`${service.url}/sse`)).status, 404)
  },
)
