/** A file comes whole, however often the line is cut. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type File, problem, puller, sendFile, serve, someGguf } from '../support/pull-server.ts'
import { until } from '../support/until.ts'

t.test('a file comes whole, with progress, and is not fetched again', async (t) => {
  const bytes = someGguf(300_000)
  const { url, asked } = await serve(t, (request, response) => sendFile({ bytes }, request, response))
  const { folder, progress, run } = puller(t)
  t.strictSame(await run(`${url}/some%20folder/a%20model.gguf?download=true`), ['a model.gguf'])
  t.ok(readFileSync(join(folder, 'a model.gguf')).equals(bytes))
  const names = ['a model.gguf', 'a model.gguf.origin.json', 'pulled.json']
  t.strictSame(readdirSync(folder), names, 'nothing else is left')
  const pulled = JSON.parse(readFileSync(join(folder, 'pulled.json'), 'utf8'))
  t.strictSame(pulled, { [`${url}/some%20folder/a%20model.gguf`]: ['a model.gguf'] })
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

t.test('half of a file is not the whole of one that became empty', async (t) => {
  const { url } = await serve(t, (_, response) => response.writeHead(200, { 'content-length': 0 }).end())
  const { folder, run } = puller(t)
  writeFileSync(join(folder, 'model.gguf.part'), someGguf(5000))
  const notes = { url: `${url}/model.gguf`, size: 10_000, etag: '"one"' }
  writeFileSync(join(folder, 'model.gguf.part.json'), JSON.stringify(notes))
  await t.rejects(
    run(`${url}/model.gguf`),
    problem(/model\.gguf was fetched and thrown away: .* no GGUF file/),
  )
  t.strictSame(readdirSync(folder), [])
})
