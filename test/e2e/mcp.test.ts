/**
 * The Model Context Protocol's own client, unmodified, with the real engine: over HTTP and with the command that it starts
 * itself. Then the same as others send it, without that client.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { blueSquare, redSquare } from '../../src/plain-squares.ts'
import { healthyService, type RunningService, untilInside, untouched } from '../support/service.ts'
import { until } from '../support/until.ts'

const samples = join(packageRoot, 'models/demo/samples')

let service: RunningService

t.before(async () => {
  service = await healthyService(t, { QUEUE_SIZE: '2', CONTEXT_SIZE: '8192' })
})

async function connected(t: Test, transport: Transport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(transport)
  t.teardown(() => client.close())
  return client
}

const overHttp = (t: Test, url = service.url, headers: Record<string, string> = {}) =>
  connected(
    t,
    // Its types are not made for `exactOptionalPropertyTypes`.
    new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }) as Transport,
  )

type Told = { isError: boolean; text: string }

type Options = Parameters<Client['callTool']>[2]

async function look(client: Client, given: Record<string, unknown>, options?: Options): Promise<Told> {
  const result = await client.callTool({ name: 'look', arguments: given }, undefined, options)
  const content = result.content as { type: string; text: string }[]
  return { isError: result.isError === true, text: content.map(({ text }) => text).join('|') }
}

const colour = 'What colour is it?'

t.test('over HTTP: the tool, its answer, progress on the way', async (t) => {
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

t.test('over HTTP: what is wrong is said, to the model or to the client', async (t) => {
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

t.test('over HTTP: a key is asked for where there are keys', async (t) => {
  const { url } = await healthyService(t, { API_KEYS: 'secret' })
  for (const headers of [undefined, { authorization: 'Bearer guess' }])
    await t.rejects(overHttp(t, url, headers), /An API key is needed/)
  const client = await overHttp(t, url, { authorization: 'Bearer secret' })
  t.match(await look(client, { picture: redSquare, question: colour }), { text: /red/i })
})

/** Takes the one slot until the test ends it. */
async function occupied(t: Test): Promise<() => Promise<void>> {
  const caller = new AbortController()
  const json_schema = { type: 'array', minItems: 20, items: { type: 'string', minLength: 1500 } }
  const { body } = await fetch(`${service.url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: colour, image: redSquare, json_schema, max_tokens: 8000, stream: true }),
    signal: caller.signal,
  })
  const leave = async () => {
    caller.abort()
    await untilInside(service.url, 0)
  }
  t.teardown(leave)
  const events = body?.pipeThrough(new TextDecoderStream()).values({ preventCancel: true })
  let heard = ''
  // Who only prepares a picture has no slot yet.
  for await (const text of events ?? []) {
    heard += text
    if (heard.includes('event: token')) return leave
  }
  throw new Error(`The slot was not taken: ${heard}`)
}

t.test('over HTTP: who cancels gives the place back, who comes to a full house is told so', async (t) => {
  const [client, other] = [await overHttp(t), await overHttp(t)]
  const leave = await occupied(t)
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

/** Starts the command as a client does that has it in its settings. */
async function overStdio(t: Test, ...words: string[]) {
  const { PATH = '', HOME = '', ENGINE_PATH = '' } = process.env
  const transport = new StdioClientTransport({
    command: 'env',
    args: [...untouched, process.execPath, 'dist/main.js', 'mcp', ...words],
    cwd: packageRoot,
    env: { PATH, HOME, ENGINE_PATH, MODEL_NAME: 'demo', PORT: '1', THREADS: '1' },
    stderr: 'pipe',
  })
  let noted = ''
  transport.stderr?.on('data', (piece) => {
    noted += piece
  })
  return { client: await connected(t, transport), noted: () => noted, pid: transport.pid }
}

/** A folder that may be read, with a picture and what is none. */
function photos(t: Test): string {
  const root = t.testdir({ photos: { 'notes.txt': 'no picture' } })
  const folder = join(root, 'photos')
  cpSync(samples, folder, { recursive: true })
  cpSync(join(samples, 'star.jpg'), join(root, 'outside.jpg'))
  symlinkSync('../outside.jpg', join(folder, 'link.jpg'))
  execFileSync('mkfifo', [join(folder, 'pipe.jpg')])
  writeFileSync(join(folder, 'empty.jpg'), '')
  return folder
}

const shape = 'What shape is this?'

t.test('by the command: pictures below the folders that were allowed, and no others', async (t) => {
  const folder = photos(t)
  const { client } = await overStdio(t, '--url', service.url, '--allow', folder)
  const { tools } = await client.listTools()
  t.match(JSON.stringify(tools), folder, 'the model is told where it may look')
  const heard: string[] = []
  const onprogress = ({ message = '' }) => heard.push(message)
  t.same(await look(client, { picture: join(folder, 'star.jpg'), question: shape }, { onprogress }), {
    isError: false,
    text: 'star',
  })
  t.match(heard, ['The service takes the question', '1 of 1 pictures prepared'])
  t.same(await look(client, { picture: 'star.jpg', question: shape }), { isError: false, text: 'star' })
  t.match(await look(client, { picture: redSquare.padEnd(5000), question: colour }), { text: /red/i })
  t.match(await look(client, { picture: `data:image/png;base64,${blueSquare}`, question: colour }), {
    text: /blue/i,
  })
  const refused = async (picture: string) => {
    const { isError, text } = await look(client, { picture, question: shape })
    t.ok(isError, text)
    return text
  }
  for (const picture of [
    'missing.jpg',
    'link.jpg',
    '../outside.jpg',
    join(folder, '../outside.jpg'),
    '/etc/passwd',
  ])
    t.equal(
      await refused(picture),
      `There is no picture at ${picture} in what may be read: ${folder} (llama-vision mcp --allow FOLDER adds to that)`,
    )
  t.match(await refused('pipe.jpg'), /it is a named pipe/)
  t.match(await refused('notes.txt'), /does not hold a picture/)
  t.match(await refused('empty.jpg'), /must not be empty/)
  t.match(await refused('https://example.com/a.png'), /IMAGE_URL_ALLOW/)
})

t.test(
  'by the command: without a folder nothing is read, and a cancelled question gives its place back',
  async (t) => {
    const { client } = await overStdio(t, '--url', service.url)
    t.match(await look(client, { picture: join(samples, 'star.jpg'), question: shape }), {
      isError: true,
      text: /add --allow FOLDER/,
    })
    const leave = await occupied(t)
    const caller = new AbortController()
    const picture = `data:image/png;base64,${redSquare}`
    const cancelled = look(client, { picture, question: colour }, { signal: caller.signal })
    await untilInside(service.url, 1, 1)
    caller.abort()
    await t.rejects(cancelled)
    await untilInside(service.url, 1, 0)
    await leave()
  },
)

t.test('by the command: a model of its own, from the first question to the end of the client', async (t) => {
  const { client, noted, pid } = await overStdio(t, '--allow', samples)
  await client.listTools()
  t.equal(noted(), '', 'nothing is started for who only lists tools')
  const heard: string[] = []
  const onprogress = ({ message = '' }) => heard.push(message)
  t.match(await look(client, { picture: 'star.jpg', question: shape }, { onprogress }), { text: 'star' })
  t.equal(heard[0], 'starting the model demo')
  t.match(noted(), /starting the model demo/)
  await client.close()
  await until(() => !existsSync(`/proc/${pid}`), 'the end of the command')
})

t.test('by the command: what it cannot start with is said', (t) => {
  const run = spawnSync(
    'env',
    [...untouched, process.execPath, 'dist/main.js', 'mcp', '--allow', '/nowhere'],
    {
      cwd: packageRoot,
      encoding: 'utf8',
    },
  )
  t.match(run, { status: 1, stdout: '', stderr: '--allow /nowhere: it cannot be read (ENOENT)\n' })
  t.end()
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
