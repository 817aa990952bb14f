/** What servers refuse, lie about or keep to themselves, and what the disk does. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { getGlobalDispatcher, MockAgent, setGlobalDispatcher } from 'undici'
import {
  type File,
  problem,
  puller,
  type Respond,
  sendCut,
  sendFile,
  serve,
  sha256,
  someGguf,
} from '../support/pull-server.ts'

t.test('a server that lies about sizes is told so', async (t) => {
  const bytes = someGguf(10_000)
  let answer: Respond = () => {}
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
  await t.rejects(
    run('http://127.0.0.1:1/third.gguf'),
    problem(/failed 5 times, at last with: nothing listens there/),
  )
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
  await t.rejects(run(`${url}/model.gguf`), problem(/model\.gguf\.part cannot be written: it is a folder/))
  await t.rejects(run(`${url}/${'ü'.repeat(150)}.gguf`), problem(/cannot be written: the name is too long/))
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
