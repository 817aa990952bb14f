/** Whether a file that is there already is the one that was asked for. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type File, hub, problem, puller, sendFile, serve, sha256, someGguf } from '../support/pull-server.ts'

t.test('a file of the right size is believed by its checksum alone', async (t) => {
  const { env, store, contents } = await hub(t, ['Vision-Q4_K_M.gguf', 'mmproj-F16.gguf'])
  const { folder, run } = puller(t)
  const right = contents.get('Vision-Q4_K_M.gguf') as Buffer
  const wrong = someGguf(right.length)
  const path = join(folder, 'Vision-Q4_K_M.gguf')
  writeFileSync(path, wrong)
  await t.rejects(
    run('hf:owner/Vision-GGUF', env),
    problem(
      new RegExp(
        `Q4_K_M\\.gguf is there already, but is another file: its sha256 is ${sha256(wrong)}, not ${sha256(right)}\\.`,
      ),
    ),
  )
  t.ok(readFileSync(path).equals(wrong))
  t.equal(store.asked.length, 0, 'the projector is not fetched beside a wrong model')
  writeFileSync(path, right)
  await run('hf:owner/Vision-GGUF', env)
  t.same(
    store.asked.map(({ url }) => url),
    ['/mmproj-F16.gguf'],
    'the right one is not fetched again',
  )
  t.same(readdirSync(folder), ['Vision-Q4_K_M.gguf', 'mmproj-Vision-F16.gguf', 'pulled.json'])
})

t.test('where the source tells no checksum, that of what came from there decides', async (t) => {
  const file: File = { bytes: someGguf(10_000), etag: '"one"' }
  let knowsHead = true
  const { url, asked } = await serve(t, (request, response) => {
    if (request.method === 'HEAD' && !knowsHead) return void response.writeHead(405).end()
    sendFile(file, request, response)
  })
  const { folder, run } = puller(t)
  const path = join(folder, 'model.gguf')
  const gets = () => asked.filter(({ method }) => method === 'GET').length
  const unproved = problem(
    new RegExp(
      `model\\.gguf is there already, but nothing proves that it is what ${url}/model\\.gguf gives\\.`,
    ),
  )

  writeFileSync(path, file.bytes)
  await t.rejects(run(`${url}/model.gguf`), unproved, 'not fetched from there')
  const one = puller(t, { folder: t.testdir({}) })
  await one.run(`${url}/model.gguf`)
  const origin = JSON.parse(readFileSync(join(one.folder, 'model.gguf.origin.json'), 'utf8'))
  t.same(origin, { url: `${url}/model.gguf`, size: 10_000, etag: '"one"', sha256: sha256(file.bytes) })
  await one.run(`${url}/model.gguf?signature=another`)
  knowsHead = false
  await one.run(`${url}/model.gguf`)
  knowsHead = true
  t.equal(gets(), 1, 'it was fetched once')

  await t.rejects(one.run(`${url}/other/model.gguf`), problem(/nothing proves that it is what/))
  file.etag = '"two"'
  await t.rejects(one.run(`${url}/model.gguf`), unproved, 'the server has another by now')
  file.etag = '"one"'
  writeFileSync(join(one.folder, 'model.gguf'), someGguf(10_000))
  await t.rejects(one.run(`${url}/model.gguf`), problem(/is another file: its sha256 is/), 'changed since')
  for (const notes of ['', '{}', JSON.stringify({ ...origin, sha256: undefined })]) {
    writeFileSync(join(one.folder, 'model.gguf.origin.json'), notes)
    await t.rejects(one.run(`${url}/model.gguf`), unproved, notes)
  }
  t.equal(gets(), 1)
})

t.test('names that a source gives never lead out of the folder', async (t) => {
  const content = someGguf(1000)
  let path = ''
  const { url } = await serve(t, (request, response) => {
    const lfs = { oid: sha256(content), size: content.length }
    if (request.url?.startsWith('/api/'))
      return void response.end(JSON.stringify([{ type: 'file', path, size: 1, lfs }]))
    if (request.url?.startsWith('/v2/')) {
      const layer = { mediaType: 'application/vnd.ollama.image.model', digest: path, size: content.length }
      return void response.end(JSON.stringify({ layers: [layer] }))
    }
    response.setHeader('content-disposition', 'attachment; filename="../../evil.gguf"')
    sendFile({ bytes: content }, request, response)
  })
  const env = { HF_ENDPOINT: url, OLLAMA_REGISTRY: url }
  for (path of ['../../evil.gguf', '/etc/evil.gguf', 'a/..\\..\\evil.gguf', 'a/../evil.gguf']) {
    const { folder, run } = puller(t, { folder: join(t.testdir({}), 'models/inner') })
    t.same(await run('hf:owner/repo', env), ['evil.gguf'], path)
    t.same(readdirSync(folder), ['evil.gguf', 'pulled.json'])
    t.same(readdirSync(join(folder, '../..'), { recursive: true }).length, 4, 'nothing beside the folder')
  }
  for (path of ['..', '../..gguf', 'a/.gguf', 'a/pulled.json', 'a/\u0000.gguf', 'a/b\n.gguf']) {
    const { run } = puller(t, { folder: t.testdir({}) })
    await t.rejects(
      run('hf:owner/repo', env),
      problem(/is no name of a GGUF file|has no model/),
      JSON.stringify(path),
    )
  }
  for (path of ['sha256:../../../evil', `sha256:${'a'.repeat(63)}/`, `sha256-${'a'.repeat(64)}/../evil`]) {
    const { run } = puller(t, { folder: t.testdir({}) })
    await t.rejects(run('ollama:evil', env), problem(/has no GGUF file/), path)
  }
  const plain = puller(t, { folder: t.testdir({}) })
  t.same(await plain.run(`${url}/plain.gguf`), ['plain.gguf'], 'the name is that of the address')
  t.same(readdirSync(plain.folder), ['plain.gguf', 'plain.gguf.origin.json', 'pulled.json'])
})
