import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { getGlobalDispatcher, MockAgent, setGlobalDispatcher } from 'undici'
import type { Progress } from '../../src/cli/download.ts'
import { type PullOptions, pull, pullCommand, pullProgress } from '../../src/cli/pull.ts'
import { until } from '../support/until.ts'

const someGguf = (bytes: number): Buffer => Buffer.concat([Buffer.from('GGUF'), randomBytes(bytes - 4)])
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function serve(t: Test, answer: Answer): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

type File = {
  bytes: Buffer
  etag?: string
  ranges?: boolean
  /** GETs that are cut off: after so many bytes of their answer. */
  cuts?: number[]
  /** Bytes of bodies that were sent. */
  sent?: number
}

/** Answers as a web server does that knows ranges and etags. */
function sendFile(file: File, request: IncomingMessage, response: ServerResponse): void {
  const { bytes, etag, ranges = true } = file
  if (etag) response.setHeader('etag', etag)
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const condition = request.headers['if-range']
  const start = ranges && asked && (!condition || condition === etag) ? Number(asked[1]) : 0
  if (start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const body = bytes.subarray(start)
  response.setHeader('content-length', body.length)
  if (start > 0) {
    response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
    response.statusCode = 206
  }
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  const cut = file.cuts?.shift()
  file.sent = (file.sent ?? 0) + (cut ?? body.length)
  if (cut === undefined) response.end(body)
  else sendCut(response, body.subarray(0, cut), start + cut)
}

/** Bytes that the last progress told of: what the other side has kept. */
let kept = 0

/** Sends the beginning of a body and cuts the connection once its bytes, `end` of the file by then, are kept. */
function sendCut(response: ServerResponse, bytes: Buffer, end: number): void {
  response.write(bytes)
  until(() => kept >= end, 'the bytes before a cut').then(
    () => response.destroy(),
    () => response.destroy(),
  )
}

function puller(t: Test, more: Partial<PullOptions> = {}) {
  const folder = more.folder ?? t.testdir()
  const progress: Progress[] = []
  const run = (source: string, env: NodeJS.ProcessEnv = {}) => {
    kept = 0
    return pull(source, {
      folder,
      env,
      progress: (one) => {
        progress.push(one)
        kept = one.doneBytes
      },
      signal: AbortSignal.timeout(20_000),
      pauseMs: 1,
      ...more,
    })
  }
  return { folder, progress, run }
}

const problem = (message: RegExp) => ({ name: 'PullProblem', message })

t.test('a file comes whole, with progress, and is not fetched again', async (t) => {
  const bytes = someGguf(300_000)
  const { url, asked } = await serve(t, (request, response) => sendFile({ bytes }, request, response))
  const { folder, progress, run } = puller(t)
  t.strictSame(await run(`${url}/some%20folder/a%20model.gguf?download=true`), ['a model.gguf'])
  t.ok(readFileSync(join(folder, 'a model.gguf')).equals(bytes))
  t.strictSame(readdirSync(folder), ['a model.gguf', 'pulled.json'], 'nothing else is left')
  const pulled = JSON.parse(readFileSync(join(folder, 'pulled.json'), 'utf8'))
  t.strictSame(pulled, { [`${url}/some%20folder/a%20model.gguf?download=true`]: ['a model.gguf'] })
  t.match(progress[0], { file: 'a model.gguf', doneBytes: 0, totalBytes: 300_000 })
  t.match(progress.at(-1), { doneBytes: 300_000, totalBytes: 300_000 })
  const before = asked.length
  await run(`${url}/some%20folder/a%20model.gguf`)
  t.strictSame(
    asked.slice(before).map(({ method }) => method),
    ['HEAD'],
  )
})

t.test('after a cut only the rest is fetched, by etag', async (t) => {
  const file: File = { bytes: someGguf(400_000), etag: '"one"', cuts: [150_000, 100_000] }
  const { url, asked } = await serve(t, (request, response) => sendFile(file, request, response))
  const { folder, run } = puller(t)
  await run(`${url}/model.gguf`)
  t.ok(readFileSync(join(folder, 'model.gguf')).equals(file.bytes))
  t.equal(file.sent, 400_000, 'every byte was sent once')
  t.match(
    asked.slice(1).map(({ headers }) => [headers.range, headers['if-range']]),
    [
      [undefined, undefined],
      ['bytes=150000-', '"one"'],
      ['bytes=250000-', '"one"'],
    ],
  )
})

t.test('the next pull goes on where one ended', async (t) => {
  const file: File = { bytes: someGguf(400_000), etag: '"one"', cuts: [150_000] }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  const stop = new AbortController()
  const first = puller(t, { signal: stop.signal, pauseMs: 10_000 })
  const stopped = t.rejects(first.run(`${url}/model.gguf`), { message: 'enough' })
  await until(() => (first.progress.at(-1)?.doneBytes ?? 0) === 150_000, 'the cut')
  await sleep(100)
  stop.abort(new Error('enough'))
  await stopped
  t.strictSame(readdirSync(first.folder).sort(), ['model.gguf.part', 'model.gguf.part.json'])
  t.strictSame(JSON.parse(readFileSync(join(first.folder, 'model.gguf.part.json'), 'utf8')), {
    url: `${url}/model.gguf`,
    size: 400_000,
    etag: '"one"',
  })
  const second = puller(t, { folder: first.folder })
  await second.run(`${url}/model.gguf?signature=another`)
  t.ok(readFileSync(join(first.folder, 'model.gguf')).equals(file.bytes))
  t.equal(file.sent, 400_000)
  t.equal(second.progress[0]?.doneBytes, 150_000)
})

t.test('many cuts are no failure while bytes keep coming', async (t) => {
  const file: File = {
    bytes: someGguf(9 * 1_100_000),
    etag: '"one"',
    cuts: Array<number>(8).fill(1_100_000),
  }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  const { folder, run } = puller(t)
  await run(`${url}/model.gguf`)
  t.ok(readFileSync(join(folder, 'model.gguf')).equals(file.bytes))
})

t.test('five cuts without progress are one', async (t) => {
  const file: File = { bytes: someGguf(100_000), cuts: Array<number>(9).fill(1000) }
  const { url, asked } = await serve(t, (request, response) => sendFile(file, request, response))
  const { run } = puller(t)
  await t.rejects(run(`${url}/model.gguf`), problem(/model\.gguf failed 5 times, at last with: /))
  t.equal(asked.filter(({ method }) => method === 'GET').length, 5)
})

t.test('a file that changed is fetched from its beginning', async (t) => {
  for (const minds of [true, false]) {
    const old = someGguf(300_000)
    const file: File = { bytes: old, etag: '"old"', cuts: [100_000] }
    const { url } = await serve(t, (request, response) => {
      // A careless server takes no notice of If-Range.
      if (!minds) delete request.headers['if-range']
      sendFile(file, request, response)
      if (request.method === 'GET' && file.etag === '"old"') {
        file.bytes = someGguf(300_000)
        file.etag = '"new"'
      }
    })
    const { folder, run } = puller(t, { folder: t.testdir() })
    await run(`${url}/model.gguf`)
    t.ok(readFileSync(join(folder, 'model.gguf')).equals(file.bytes), `If-Range minded: ${minds}`)
  }
})

t.test('without ranges, or without an etag to prove them, the file is fetched anew', async (t) => {
  const bytes = someGguf(300_000)
  for (const file of [
    { bytes, etag: '"one"', ranges: false, cuts: [100_000] },
    { bytes, cuts: [100_000] },
    { bytes, etag: 'W/"one"', cuts: [100_000] },
  ] as File[]) {
    const { url } = await serve(t, (request, response) => sendFile(file, request, response))
    const { folder, run } = puller(t, { folder: t.testdir() })
    await run(`${url}/model.gguf`)
    t.ok(readFileSync(join(folder, 'model.gguf')).equals(bytes))
    t.equal(file.sent, 400_000)
  }
})

t.test('a part that lacks nothing but its name is not fetched again', async (t) => {
  const file: File = { bytes: someGguf(10_000), etag: '"one"' }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  const { folder, run } = puller(t)
  const notes = { url: `${url}/model.gguf`, size: 10_000, etag: '"one"' }
  const keep = (bytes: Buffer, more = {}) => {
    writeFileSync(join(folder, 'model.gguf.part'), bytes)
    writeFileSync(join(folder, 'model.gguf.part.json'), JSON.stringify({ ...notes, ...more }))
  }
  keep(file.bytes)
  await run(`${url}/model.gguf`)
  t.equal(file.sent, undefined, '416 told that it is whole')
  t.ok(readFileSync(join(folder, 'model.gguf')).equals(file.bytes))

  for (const more of [{ url: 'http://other/model.gguf' }, { size: 9999 }, { sha256: 'a'.repeat(64) }]) {
    file.sent = 0
    const other = puller(t, { folder: t.testdir() })
    writeFileSync(join(other.folder, 'model.gguf.part'), 'GGUFold')
    writeFileSync(join(other.folder, 'model.gguf.part.json'), JSON.stringify({ ...notes, ...more }))
    await other.run(`${url}/model.gguf`)
    t.equal(file.sent, 10_000, `of another file: ${JSON.stringify(more)}`)
  }
})

t.test('a server that lies about sizes is told so', async (t) => {
  const bytes = someGguf(10_000)
  let answer: Answer = () => {}
  const { url } = await serve(t, (request, response) => answer(request, response))
  const { folder, run } = puller(t)

  answer = ({ method }, response) =>
    response.writeHead(200, { 'content-length': method === 'HEAD' ? 9000 : 10_000 }).end(bytes)
  await t.rejects(run(`${url}/a.gguf`), problem(/a\.gguf should have 9000 bytes, but .* has 10000/))

  const file: File = { bytes: bytes.subarray(0, 6000), etag: '"one"' }
  answer = (request, response) => {
    if (request.headers.range || request.method === 'HEAD') return sendFile(file, request, response)
    response.writeHead(200, { 'content-length': 10_000, etag: '"one"' })
    // Nothing of it will be kept.
    response.write(file.bytes, () => response.destroy())
  }
  await t.rejects(run(`${url}/b.gguf`), problem(/b\.gguf should have 6000 bytes, but .* has 10000/))

  answer = (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(405).end()
    if (request.headers.range) return sendFile(file, request, response)
    response.writeHead(200, { 'content-length': 10_000, etag: '"one"' })
    sendCut(response, file.bytes, 6000)
  }
  await t.rejects(run(`${url}/c.gguf`), problem(/c\.gguf should have 10000 bytes, but .* has 6000/))

  answer = ({ method }, response) => {
    if (method === 'HEAD') return void response.writeHead(405).end()
    response.writeHead(200)
    response.end(bytes)
  }
  await t.rejects(run(`${url}/d.gguf`), problem(/does not tell how large the file is/))
  t.strictSame(
    readdirSync(folder).filter((name) => name.endsWith('.gguf')),
    [],
  )
})

t.test('more or fewer bytes than a range promises are noticed', async (t) => {
  const bytes = someGguf(10_000)
  let rest = bytes.subarray(5000)
  const file: File = { bytes, etag: '"one"', cuts: [5000] }
  const { url, asked } = await serve(t, (request, response) => {
    if (!request.headers.range) return sendFile(file, request, response)
    response.writeHead(206, { 'content-range': 'bytes 5000-9999/10000', etag: '"one"' })
    response.end(rest)
  })
  rest = Buffer.concat([rest, rest])
  await t.rejects(puller(t).run(`${url}/long.gguf`), problem(/sends more than the 10000 bytes/))
  file.cuts = [5000]
  rest = Buffer.alloc(0)
  await t.rejects(puller(t).run(`${url}/short.gguf`), problem(/5 times.* ended after 5000 of 10000 bytes/))
  t.ok(asked.length > 6)
})

t.test('redirects are followed, five at most', async (t) => {
  const bytes = someGguf(1000)
  const { url } = await serve(t, (request, response) => {
    const left = Number(/^\/(\d+)/.exec(request.url ?? '')?.[1] ?? 0)
    if (left === 0) return sendFile({ bytes }, request, response)
    response.writeHead(302, { location: `/${left - 1}/model.gguf` }).end('moved')
  })
  const { run } = puller(t)
  t.strictSame(await run(`${url}/5/five.gguf`), ['five.gguf'])
  await t.rejects(run(`${url}/6/six.gguf`), problem(/\/6\/six\.gguf redirects more than 5 times/))
})

t.test('https never turns into http, and nothing else is followed', async (t) => {
  const usual = getGlobalDispatcher()
  const agent = new MockAgent()
  agent.disableNetConnect()
  setGlobalDispatcher(agent)
  t.teardown(async () => {
    setGlobalDispatcher(usual)
    await agent.close()
  })
  const { run } = puller(t)
  const redirectTo = (location?: string) => {
    for (const method of ['HEAD', 'GET']) {
      agent
        .get('https://models.test')
        .intercept({ path: '/model.gguf', method })
        .reply(302, '', location === undefined ? {} : { headers: { location } })
    }
  }
  redirectTo('http://models.test/model.gguf')
  await t.rejects(
    run('https://models.test/model.gguf'),
    problem(/redirects from https to plain http at models\.test; that is refused/),
  )
  for (const location of ['file:///etc/passwd', 'https://', undefined]) {
    redirectTo(location)
    await t.rejects(run('https://models.test/model.gguf'), problem(/redirects to no address/))
  }
})

t.test('refusals that stay are told at once', async (t) => {
  let status = 401
  const { url, asked } = await serve(t, (_, response) => response.writeHead(status).end('no'))
  const { run } = puller(t)
  const hub = { HF_ENDPOINT: url }
  await t.rejects(run('hf:a/b', hub), problem(/a\/b\/.* \(401\)\. If the name is right, set HF_TOKEN/))
  await t.rejects(run('hf:a/b', { ...hub, HF_TOKEN: 'x' }), problem(/\(401\)\. HF_TOKEN is not accepted/))
  await t.rejects(
    run(`${url}/m.gguf`),
    problem(/\(401\).*HF_TOKEN is sent to https:\/\/huggingface\.co only/),
  )
  status = 403
  await t.rejects(run('hf:a/b', hub), problem(/refused \(403\).*accept its terms/))
  status = 404
  await t.rejects(
    run(`${url}/m.gguf?secret=1`),
    problem(/^http:\/\/[\d.:]+\/m\.gguf does not exist \(404\)$/),
  )
  status = 410
  await t.rejects(run(`${url}/m.gguf`), problem(/m\.gguf answers 410/))
  t.equal(asked.filter(({ method }) => method === 'GET').length, 6)
})

t.test('busy servers are asked again when they say', async (t) => {
  const bytes = someGguf(1000)
  const replies: [number, string?][] = [
    [429, '1'],
    [503, new Date(Date.now() - 5000).toUTCString()],
    [500],
    [502, 'soon'],
  ]
  const { url, asked } = await serve(t, (request, response) => {
    const reply = request.method === 'GET' && replies.shift()
    if (!reply) return sendFile({ bytes }, request, response)
    response.writeHead(reply[0], reply[1] ? { 'retry-after': reply[1] } : {}).end()
  })
  const { run } = puller(t)
  const began = performance.now()
  t.strictSame(await run(`${url}/model.gguf`), ['model.gguf'])
  const took = performance.now() - began
  t.ok(took > 950, `waited the second that was asked for: ${took} ms`)
  t.equal(asked.filter(({ method }) => method === 'GET').length, 5)
  replies.push(...Array<[number]>(5).fill([503]))
  await t.rejects(
    run(`${url}/other.gguf`),
    problem(/other\.gguf failed 5 times, at last with: .* answers 503/),
  )
  await t.rejects(run('http://127.0.0.1:1/third.gguf'), problem(/failed 5 times.*ECONNREFUSED/))
})

t.test('a server that falls silent is left and asked again', async (t) => {
  const file: File = { bytes: someGguf(100_000), etag: '"one"' }
  let silences = 1
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'GET' && silences-- > 0) {
      response.writeHead(200, { 'content-length': 100_000, etag: '"one"' })
      response.write(file.bytes.subarray(0, 60_000))
    } else sendFile(file, request, response)
  })
  const { folder, run } = puller(t, { idleMs: 500 })
  await run(`${url}/model.gguf`)
  t.ok(readFileSync(join(folder, 'model.gguf')).equals(file.bytes))
  t.ok((file.sent ?? 0) < 100_000, 'what came before the silence was kept')
})

t.test('what is not the file, or no model, is thrown away', async (t) => {
  const bytes = someGguf(10_000)
  const page = Buffer.from('<html>Please log in</html>')
  const { url } = await serve(t, (request, response) => {
    if (request.url?.startsWith('/linked')) response.setHeader('x-linked-etag', `"${'b'.repeat(64)}"`)
    sendFile({ bytes: request.url?.startsWith('/page') ? page : bytes }, request, response)
  })
  const { folder, run } = puller(t)
  await t.rejects(run(`${url}/page.gguf`), problem(/page\.gguf was .* thrown away: .* gives is no GGUF file/))
  await t.rejects(
    run(`${url}/linked.gguf`),
    problem(new RegExp(`checksum is wrong, sha256 ${sha256(bytes)} and not ${'b'.repeat(64)}`)),
  )
  t.strictSame(readdirSync(folder), [])
})

t.test('a disk that is too small is told before anything is fetched', async (t) => {
  const bytes = someGguf(10_000_000)
  const { url, asked } = await serve(t, (request, response) => {
    if (request.method === 'HEAD' && request.url?.startsWith('/no-head'))
      return void response.writeHead(405).end()
    sendFile({ bytes }, request, response)
  })
  const { folder, run } = puller(t, { freeBytes: async () => 7_000_000 })
  const message = /^\S+ has 0\.007 GB free, but 0\.010 GB are still to come; make room/
  await t.rejects(run(`${url}/model.gguf`), problem(message))
  t.strictSame(
    asked.map(({ method }) => method),
    ['HEAD'],
  )
  await t.rejects(run(`${url}/no-head.gguf`), problem(message))
  t.strictSame(readdirSync(folder), [])
  writeFileSync(join(folder, 'file'), '')
  const inFile = puller(t, { folder: join(folder, 'file/models') })
  await t.rejects(inFile.run(`${url}/model.gguf`), problem(/cannot be made: .* Set MODEL_PATH/))
})

t.test('what the disk refuses is told at once', async (t) => {
  const file: File = { bytes: someGguf(1000) }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  const { folder, run } = puller(t)
  mkdirSync(join(folder, 'model.gguf.part'))
  await t.rejects(run(`${url}/model.gguf`), problem(/model\.gguf\.part cannot be written: EISDIR/))
  await t.rejects(run(`${url}/${'ü'.repeat(150)}.gguf`), problem(/cannot be written: ENAMETOOLONG/))
})

t.test('a file of another size is not overwritten', async (t) => {
  const { url } = await serve(t, (request, response) =>
    sendFile({ bytes: someGguf(1000) }, request, response),
  )
  const { folder, run } = puller(t)
  writeFileSync(join(folder, 'model.gguf'), 'mine')
  await t.rejects(
    run(`${url}/model.gguf`),
    problem(/is another file: it has 4 bytes, not 1000\. Remove or rename/),
  )
  t.equal(readFileSync(join(folder, 'model.gguf'), 'utf8'), 'mine')
})

t.test('two pulls of one file at a time are one too many', async (t) => {
  const file: File = { bytes: someGguf(100_000) }
  let release: (() => void) | undefined
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'HEAD') return sendFile(file, request, response)
    release = () => sendFile(file, request, response)
  })
  const { folder, run } = puller(t)
  const first = run(`${url}/model.gguf`)
  await until(() => existsSync(join(folder, 'model.gguf.part.lock')), 'the lock')
  await t.rejects(
    run(`${url}/model.gguf`),
    problem(/Another pull, process \d+ on \S+, is fetching model\.gguf/),
  )
  await until(() => release !== undefined, 'the request')
  release?.()
  t.strictSame(await first, ['model.gguf'])
  t.strictSame(readdirSync(folder), ['model.gguf', 'pulled.json'])
})

t.test('a lock is believed while its owner lives', async (t) => {
  const file: File = { bytes: someGguf(1000) }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  const { folder, run } = puller(t)
  const lock = (name: string, content: string, ageSeconds = 0) => {
    const path = join(folder, `${name}.part.lock`)
    writeFileSync(path, content)
    const time = Date.now() / 1000 - ageSeconds
    utimesSync(path, time, time)
  }
  lock('alive.gguf', `${hostname()} ${process.ppid}`)
  await t.rejects(run(`${url}/alive.gguf`), problem(/Another pull/))
  lock('new.gguf', '')
  await t.rejects(run(`${url}/new.gguf`), problem(/^Another pull is fetching new\.gguf/))
  lock('elsewhere.gguf', 'another-host 1')
  await t.rejects(run(`${url}/elsewhere.gguf`), problem(/Another pull, process 1 on another-host, is/))
  // Beyond what Linux counts to, so nobody's.
  lock('dead.gguf', `${hostname()} 4194305`)
  t.ok(await run(`${url}/dead.gguf`))
  lock('restarted.gguf', `${hostname()} ${process.pid}`)
  t.ok(await run(`${url}/restarted.gguf`))
  lock('silent.gguf', 'another-host 1', 120)
  t.ok(await run(`${url}/silent.gguf`))
})

/** A hub as Hugging Face is: lists of files, and files that another host gives. */
async function hub(t: Test, paths: string[], pageSize = 100) {
  const contents = new Map(paths.map((path) => [path, someGguf(20_000 + path.length)]))
  const store = await serve(t, (request, response) => {
    sendFile({ bytes: contents.get(decodeURI(request.url ?? '').slice(1)) as Buffer }, request, response)
  })
  const entries = paths.map((path) => {
    const bytes = contents.get(path) as Buffer
    return { type: 'file', path, size: 130, lfs: { oid: sha256(bytes), size: bytes.length } }
  })
  const main = await serve(t, (request, response) => {
    const url = new URL(request.url ?? '', 'http://hub')
    if (url.pathname === '/api/models/owner/Vision-GGUF/tree/main') {
      const from = Number(url.searchParams.get('cursor') ?? 0)
      const next = from + pageSize
      if (next < entries.length)
        response.setHeader('link', `<${main.url}${url.pathname}?recursive=1&cursor=${next}>; rel="next"`)
      const folder = { type: 'directory', path: 'x.gguf', size: 0 }
      response.end(
        JSON.stringify([
          folder,
          { ...folder, type: 'file', path: 'README.md' },
          ...entries.slice(from, next),
        ]),
      )
      return
    }
    const path = /^\/owner\/Vision-GGUF\/resolve\/main\/(.*)$/.exec(url.pathname)?.[1]
    response.writeHead(path ? 302 : 404, { location: `${store.url}/${path}` }).end()
  })
  const env: NodeJS.ProcessEnv = { HF_ENDPOINT: `${main.url}/`, HF_TOKEN: 'hf_secret' }
  return { env, main, store, contents }
}

t.test('Hugging Face: the model of a quantization comes with its projector', async (t) => {
  const { env, main, store, contents } = await hub(
    t,
    [
      'Vision-IQ4_0.gguf',
      'Vision-Q4_0.gguf',
      'Vision-Q4_K_M.gguf',
      'Vision-UD-Q4_K_M.gguf',
      'imatrix-Q4_K_M.gguf',
      'mmproj-BF16.gguf',
      'mmproj-F16.gguf',
      'mmproj-F32.gguf',
    ],
    3,
  )
  const { folder, run } = puller(t)
  t.strictSame(await run('hf:owner/Vision-GGUF', env), ['Vision-Q4_K_M.gguf', 'mmproj-Vision-F16.gguf'])
  t.ok(readFileSync(join(folder, 'mmproj-Vision-F16.gguf')).equals(contents.get('mmproj-F16.gguf') as Buffer))
  t.strictSame((await run('hf:owner/Vision-GGUF:q4_0', env))[0], 'Vision-Q4_0.gguf')
  t.strictSame((await run('hf:owner/Vision-GGUF:UD-Q4_K_M', env))[0], 'Vision-UD-Q4_K_M.gguf')
  t.strictSame(await run('hf:owner/Vision-GGUF/mmproj-BF16.gguf', env), ['mmproj-Vision-BF16.gguf'])
  t.strictSame(
    [...new Set(main.asked.map(({ headers }) => headers.authorization))],
    ['Bearer hf_secret'],
    'the token goes to the endpoint',
  )
  t.ok(
    store.asked.every(({ headers }) => headers.authorization === undefined),
    'and to nobody else',
  )
  await t.rejects(
    run('hf:owner/Vision-GGUF:Q9', env),
    problem(/no model in Q9; name one as .* of: Vision-IQ4_0\.gguf, .*Vision-UD-Q4_K_M\.gguf$/),
  )
  await t.rejects(run('hf:owner/Vision-GGUF/x.gguf', env), problem(/has no x\.gguf; it has: /))
  await t.rejects(run('hf:owner/other', env), problem(/does not exist \(404\)/))
  await run(`${main.url}/owner/Vision-GGUF/blob/main/Vision-IQ4_0.gguf`, env)
  t.ok(existsSync(join(folder, 'Vision-IQ4_0.gguf')), 'the page of a file means the file')
})

t.test('Hugging Face: split models come with all their parts, and the nearest projector', async (t) => {
  const { env } = await hub(t, [
    'Q4_K_M/Big-Q4_K_M-00001-of-00002.gguf',
    'Q4_K_M/Big-Q4_K_M-00002-of-00002.gguf',
    'Q4_K_M/mmproj-Big-q8_0.gguf',
    'Q8_0/Big-Q8_0-00001-of-00002.gguf',
    'Q8_0/mmproj-Other-f16.gguf',
    'mmproj-model-f16.gguf',
  ])
  const { run } = puller(t)
  const names = ['Big-Q4_K_M-00001-of-00002.gguf', 'Big-Q4_K_M-00002-of-00002.gguf']
  t.strictSame(await run('hf:owner/Vision-GGUF', env), [...names, 'mmproj-Big-q8_0.gguf'])
  t.strictSame(await run(`hf:owner/Vision-GGUF/Q4_K_M/${names[1]}`, env), names)
  await t.rejects(run('hf:owner/Vision-GGUF:Q8_0', env), problem(/split into 2 files, of which only 1/))
})

t.test('Hugging Face: a lone model needs no quantization, two of one are not guessed between', async (t) => {
  const lone = await hub(t, ['Vision-F16.gguf'])
  t.strictSame(await puller(t).run('hf:owner/Vision-GGUF', lone.env), ['Vision-F16.gguf'])
  const pair = await hub(t, [
    'A-3B-Q8_0.gguf',
    'A-7B-Q8_0.gguf',
    'mmproj-A-3B-f16.gguf',
    'mmproj-A-7B-f16.gguf',
  ])
  const { run } = puller(t)
  await t.rejects(
    run('hf:owner/Vision-GGUF', pair.env),
    problem(/has several models that fit; name one as .* of: A-3B-Q8_0\.gguf, A-7B-Q8_0\.gguf$/),
  )
  const two = await hub(t, [
    'A-3B-Q4_K_M.gguf',
    'A-7B-Q8_0.gguf',
    'mmproj-A-3B-f32.gguf',
    'mmproj-A-7B-f16.gguf',
  ])
  t.strictSame(await puller(t).run('hf:owner/Vision-GGUF', two.env), [
    'A-3B-Q4_K_M.gguf',
    'mmproj-A-3B-f32.gguf',
  ])
  const none = await hub(t, ['mmproj-A-f16.gguf'])
  await t.rejects(
    puller(t).run('hf:owner/Vision-GGUF', none.env),
    problem(/no model in Q4_K_M.*no GGUF files/),
  )
})

t.test('Hugging Face: wrong bytes are noticed by the checksum of the listing', async (t) => {
  const { env, contents } = await hub(t, ['Vision-Q4_K_M.gguf'])
  const path = 'Vision-Q4_K_M.gguf'
  contents.set(path, someGguf(contents.get(path)?.length ?? 0))
  const { folder, run } = puller(t)
  await t.rejects(run('hf:owner/Vision-GGUF', env), problem(/thrown away: its checksum is wrong/))
  t.strictSame(readdirSync(folder), [])
})

t.test('with a checksum to come, a cut needs no etag', async (t) => {
  const file: File = { bytes: someGguf(100_000), cuts: [40_000] }
  const listing = [{ type: 'file', path: 'm.gguf', size: 1, lfs: { oid: sha256(file.bytes), size: 100_000 } }]
  const { url } = await serve(t, (request, response) =>
    request.url?.startsWith('/api/')
      ? response.end(JSON.stringify(listing))
      : sendFile(file, request, response),
  )
  const { folder, run } = puller(t)
  await run('hf:a/b', { HF_ENDPOINT: url })
  t.equal(file.sent, 100_000)
  t.ok(readFileSync(join(folder, 'm.gguf')).equals(file.bytes))

  const whole = puller(t, { folder: t.testdir() })
  const notes = { url: `${url}/a/b/resolve/main/m.gguf`, size: 100_000, sha256: sha256(file.bytes) }
  writeFileSync(join(whole.folder, 'm.gguf.part'), file.bytes)
  writeFileSync(join(whole.folder, 'm.gguf.part.json'), JSON.stringify(notes))
  await whole.run('hf:a/b', { HF_ENDPOINT: url })
  t.equal(file.sent, 100_000, 'nothing more was asked for')
})

t.test('answers that are no listing are told apart', async (t) => {
  let answer = '<html>'
  const { url } = await serve(t, (_, response) => response.end(answer))
  const { run } = puller(t)
  const env = { HF_ENDPOINT: url, OLLAMA_REGISTRY: url }
  await t.rejects(run('hf:a/b', env), problem(/does not answer in JSON/))
  answer = '{"error": "no"}'
  await t.rejects(run('hf:a/b', env), problem(/answers with no list of files/))
  await t.rejects(run('ollama:llava', env), problem(/ollama:llava has no GGUF file/))
  answer = JSON.stringify([{ type: 'file', path: 'a/.hidden.gguf', size: 1 }])
  await t.rejects(run('hf:a/b', env), problem(/"\.hidden\.gguf" is no name of a GGUF file/))
  answer = ' '.repeat(17 * 1024 ** 2)
  await t.rejects(run('hf:a/b', env), problem(/more than a listing/))
})

t.test("a registry with Ollama's protocol gives model and projector", async (t) => {
  const [model, projector] = [someGguf(50_000), someGguf(20_000)]
  const layer = (kind: string, bytes: Buffer) => ({
    mediaType: `application/vnd.ollama.image.${kind}`,
    digest: `sha256:${sha256(bytes)}`,
    size: bytes.length,
  })
  const { url, asked } = await serve(t, (request, response) => {
    if (request.url === '/v2/library/llama3.2-vision/manifests/11b' || request.url?.startsWith('/v2/me/')) {
      if (request.url.includes('/manifests/')) {
        const layers = [layer('template', projector), layer('model', model), layer('projector', projector)]
        return void response.end(JSON.stringify({ schemaVersion: 2, layers }))
      }
    }
    const bytes = [model, projector].find((one) => request.url?.endsWith(`/blobs/sha256:${sha256(one)}`))
    if (bytes) sendFile({ bytes }, request, response)
    else response.writeHead(404).end()
  })
  const { folder, run } = puller(t)
  const env = { OLLAMA_REGISTRY: url, HF_TOKEN: 'hf_secret' }
  const names = ['llama3.2-vision-11b.gguf', 'mmproj-llama3.2-vision-11b.gguf']
  t.strictSame(await run('ollama:llama3.2-vision:11b', env), names)
  t.ok(readFileSync(join(folder, names[0] as string)).equals(model))
  t.ok(readFileSync(join(folder, names[1] as string)).equals(projector))
  t.equal((await run('ollama:me/other', env))[0], 'me-other-latest.gguf')
  t.match(asked[0]?.headers, { accept: 'application/vnd.docker.distribution.manifest.v2+json' })
  t.ok(asked.every(({ headers }) => headers.authorization === undefined))
  await t.rejects(run('ollama:gone', env), problem(/\/v2\/library\/gone\/manifests\/latest does not exist/))
  await t.rejects(run('ollama:../x', env), problem(/no name of an Ollama model/))
})

t.test('sources, names and endpoints that cannot be are refused', async (t) => {
  const { run } = puller(t)
  for (const source of [
    '',
    'llava',
    'ftp://host/m.gguf',
    'hf:owner',
    'hf:../x',
    'hf:a/b?c',
    '/m.gguf',
    'https://',
  ])
    await t.rejects(run(source), problem(/expected .*hf:owner\/repo:QUANT/), source)
  for (const name of ['m.bin', '.hidden.gguf', '', 'a%0Ab.gguf', '-rf.gguf', '%', '..%2f.gguf'])
    await t.rejects(run(`http://127.0.0.1:1/${name}`), problem(/is no name of a GGUF file/), name)
  await t.rejects(run('hf:a/b', { HF_ENDPOINT: 'nowhere' }), problem(/HF_ENDPOINT must be an address/))
  await t.rejects(run('ollama:a', { OLLAMA_REGISTRY: 'x:y' }), problem(/OLLAMA_REGISTRY must be an address/))
})

t.test('the command tells the setting for what it brought', async (t) => {
  const { env } = await hub(t, ['Vision-Q4_K_M.gguf', 'mmproj-F16.gguf'])
  const folder = join(t.testdir(), 'models/new')
  const told = t.capture(console, 'log')
  const drawn = t.capture(process.stderr, 'write')
  await pullCommand('hf:owner/Vision-GGUF', { ...env, MODEL_PATH: folder })
  await pullCommand('hf:owner/Vision-GGUF/mmproj-F16.gguf', { ...env, MODEL_PATH: folder })
  const lines = told().map(({ args }) => args[0])
  t.ok(drawn().length > 0)
  t.strictSame(lines, [
    `${folder} has Vision-Q4_K_M.gguf and mmproj-Vision-F16.gguf. To serve the model set:\nMODEL_NAME=Vision-Q4_K_M.gguf`,
    `${folder} has mmproj-Vision-F16.gguf. To serve the model set:\nMMPROJ_NAME=mmproj-Vision-F16.gguf`,
  ])
})

t.test('the command ends on a signal and keeps what came', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(405).end()
    response.writeHead(200, { 'content-length': 100_000, etag: '"one"' }).write(someGguf(50_000))
  })
  const folder = t.testdir()
  t.capture(process.stderr, 'write')
  const pulling = pullCommand(`${url}/model.gguf`, { MODEL_PATH: folder })
  await until(() => existsSync(join(folder, 'model.gguf.part.json')), 'the part')
  process.emit('SIGINT')
  await t.rejects(pulling, problem(/^Stopped\. What has come is kept/))
  t.strictSame(readdirSync(folder).sort(), ['model.gguf.part', 'model.gguf.part.json'])
})

t.test('progress is one line a file on a terminal, and a line every tenth elsewhere', (t) => {
  let at = 0
  let screen = ''
  const stream = (isTTY: boolean) =>
    ({ isTTY, columns: 90, write: (text: string) => (screen += text) }) as unknown as NodeJS.WriteStream
  const show = (isTTY: boolean) => {
    screen = ''
    const { show, end } = pullProgress(stream(isTTY), () => at)
    for (const file of ['a.gguf', 'b.gguf']) {
      for (let step = 0; step <= 100; step += 1) {
        show({ file, doneBytes: step * 20_000_000, totalBytes: 2_000_000_000 })
        at += 1000
      }
      show({ file, doneBytes: 2_000_000_000, totalBytes: 2_000_000_000 })
    }
    end()
    return screen
  }
  const plain = show(false).trimEnd().split('\n')
  t.equal(plain.length, 22)
  t.match(plain[0], /^0 % of 2\.0 GB {2}a\.gguf$/)
  t.match(plain[1], /^10 % of 2\.0 GB {2}20\.0 MB\/s {2}1 min 30 s left {2}a\.gguf$/)
  t.match(plain[10], /^100 % of 2\.0 GB {2}a\.gguf$/)
  const terminal = show(true).split('\n')
  t.equal(terminal.length, 3, 'two lines and the end of the last')
  t.match(terminal[0], / 50 % of 2\.0 GB {2}20\.0 MB\/s {2}50 s left {2}a\.gguf/)
  screen = ''
  const anew = pullProgress(stream(false), () => (at += 1000))
  for (const doneBytes of [0, 500, 0, 1000]) anew.show({ file: 'c', doneBytes, totalBytes: 1000 })
  anew.show({ file: 'd', doneBytes: 0, totalBytes: 0 })
  t.notMatch(screen, /-/, 'starting anew is no negative rate')
  t.end()
})
