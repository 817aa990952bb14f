/** What `pull X` fetched is what `MODEL_NAME=X` finds, with the same settings. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { findModel } from '../../src/model/facts.ts'
import { locateModel } from '../../src/model/locate.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { pull } from '../../src/pull/pull.ts'
import { type File, hub, sendFile, serve, sha256, someGguf } from '../support/pull-server.ts'

const signal = AbortSignal.timeout(60_000)
const locate = (env: NodeJS.ProcessEnv) => locateModel(modelSettings(loadConfig(env)))

t.test('of Hugging Face and of an address, in a folder that is named relative to here', async (t) => {
  const { env, main } = await hub(t, ['Vision-Q4_K_M.gguf', 'mmproj-F16.gguf', 'sub/Other-Q8_0.gguf'])
  process.chdir(t.testdir())
  const address = `${main.url}/owner/Vision-GGUF/resolve/main/sub/Other-Q8_0.gguf`
  const found = {
    'hf:owner/Vision-GGUF': ['Vision-Q4_K_M.gguf', 'mmproj-Vision-F16.gguf'],
    'hf:owner/Vision-GGUF:Q4_K_M': ['Vision-Q4_K_M.gguf', 'mmproj-Vision-F16.gguf'],
    'hf:owner/Vision-GGUF:q8_0': ['Other-Q8_0.gguf', 'mmproj-Vision-F16.gguf'],
    'hf:owner/Vision-GGUF/sub/Other-Q8_0.gguf': ['Other-Q8_0.gguf'],
    [address]: ['Other-Q8_0.gguf'],
    [address.replace('/resolve/', '/blob/')]: ['Other-Q8_0.gguf'],
    [`${address}?download=true`]: ['Other-Q8_0.gguf'],
  }
  for (const [index, [source, files]] of Object.entries(found).entries()) {
    const settings = { ...env, MODEL_PATH: `models/${index}` }
    const { MODEL_PATH: folder } = loadConfig(settings)
    t.strictSame(await pull(source, { folder, env, progress: () => {}, signal }), files, source)
    const located = await locate({ ...settings, MODEL_NAME: source })
    const [model = '', projector = ''] = files
    t.strictSame(
      located,
      { path: join(process.cwd(), settings.MODEL_PATH, model), mmproj: projector },
      source,
    )
  }
})

t.test("of Ollama's registry, by any name for the same; else in the store", async (t) => {
  const files: File[] = [1000, 900].map((bytes) => ({ bytes: someGguf(bytes) }))
  const digests = files.map(({ bytes }) => `sha256:${sha256(bytes)}`)
  const layers = ['model', 'projector'].map((kind, index) => ({
    mediaType: `application/vnd.ollama.image.${kind}`,
    digest: digests[index],
    size: files[index]?.bytes.length,
  }))
  const { url } = await serve(t, (request, response) => {
    if (request.url === '/v2/library/eyes/manifests/latest')
      return void response.end(JSON.stringify({ layers }))
    const file = files[digests.findIndex((digest) => request.url === `/v2/library/eyes/blobs/${digest}`)]
    if (file) sendFile(file, request, response)
    else response.writeHead(404).end()
  })
  const folder = t.testdir({})
  const env = { OLLAMA_REGISTRY: url, MODEL_PATH: folder, OLLAMA_STORE: join(folder, 'store') }
  await pull('ollama:eyes', { folder, env, progress: () => {}, signal })
  const pulled = { path: join(folder, 'eyes-latest.gguf'), mmproj: 'mmproj-eyes-latest.gguf' }
  for (const name of ['eyes', 'eyes:latest', 'library/eyes', 'registry.ollama.ai/library/Eyes:latest'])
    t.strictSame(await locate({ ...env, MODEL_NAME: `ollama:${name}` }), pulled, name)
  await t.rejects(locate({ ...env, MODEL_NAME: 'ollama:eyes:other' }), {
    message: /is no Ollama store, .* Set OLLAMA_STORE .* run: llama-vision pull ollama:eyes:other$/,
  })

  const manifests = join(folder, 'store/manifests/registry.ollama.ai/library/eyes')
  mkdirSync(manifests, { recursive: true })
  mkdirSync(join(folder, 'store/blobs'))
  writeFileSync(join(manifests, 'latest'), JSON.stringify({ layers: layers.slice(0, 1) }))
  const blob = join(folder, `store/blobs/${digests[0]?.replace(':', '-')}`)
  writeFileSync(blob, '')
  t.strictSame(await locate({ ...env, MODEL_NAME: 'ollama:eyes' }), pulled, 'what was pulled comes first')
  rmSync(pulled.path)
  t.strictSame(await locate({ ...env, MODEL_NAME: 'ollama:eyes' }), { path: blob, mmproj: '' })
})

t.test('a projector is named as it lies beside the model or in MODEL_PATH', async (t) => {
  const folder = t.testdir({ sub: { 'm.gguf': '', 'beside.gguf': '' }, 'above.gguf': '', 'beside.gguf': '' })
  const mmproj = async (MMPROJ_NAME: string) =>
    (await locate({ MODEL_PATH: folder, MODEL_NAME: 'sub/m.gguf', MMPROJ_NAME })).mmproj
  t.equal(await mmproj('beside.gguf'), join(folder, 'sub/beside.gguf'))
  t.equal(await mmproj('above.gguf'), join(folder, 'above.gguf'))
  t.equal(await mmproj('none.gguf'), join(folder, 'sub/none.gguf'))
  t.equal(await mmproj(join(folder, 'above.gguf')), join(folder, 'above.gguf'))
})

t.test('a name as Ollama writes it is told with what says so', async (t) => {
  const folder = t.testdir({ 'a.gguf': '', 'pile.gguf': {} })
  const find = (MODEL_NAME: string) =>
    findModel(modelSettings(loadConfig({ MODEL_PATH: folder, MODEL_NAME })))
  await t.rejects(find('llama3.2-vision:11b'), {
    message: /holds: a\.gguf, pile\.gguf\. .*; a model of Ollama's is named ollama:llama3\.2-vision:11b$/,
  })
  await t.rejects(find('b.gguf'), { message: /put the model there$/ })
  await t.rejects(find('pile.gguf'), {
    message: /pile\.gguf is a folder, not a file; it holds: no \.gguf files\. Set MODEL_NAME/,
  })
})
