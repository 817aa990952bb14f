/** What a source means: hubs, registries and their listings. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type File, hub, problem, puller, sendFile, serve, sha256, someGguf } from '../support/pull-server.ts'

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

t.test('Hugging Face: a list that goes on elsewhere is refused', async (t) => {
  const elsewhere = await serve(t, (_, response) => response.end('[]'))
  let next = ''
  const { url } = await serve(t, (_, response) =>
    response.setHeader('link', `<${next}>; rel="next"`).end('[]'),
  )
  for (next of [`${elsewhere.url}/api`, 'http://[', 'file:///etc/passwd']) {
    const { run } = puller(t)
    await t.rejects(
      run('hf:owner/repo', { HF_ENDPOINT: url, HF_TOKEN: 'secret' }),
      problem(/names another place for the rest of its list; that is refused/),
      next,
    )
  }
  t.equal(elsewhere.asked.length, 0)
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
  for (const source of ['../x', 'a:b:c/x/y', 'host:99999/x/y', '1.2.3.400/x/y:z'])
    await t.rejects(run(`ollama:${source}`, env), problem(/no name of an Ollama model/), source)
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
