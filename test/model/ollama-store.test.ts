import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { listStore, nameInStore, parseOllamaName, resolveInStore } from '../../src/model/ollama-store.ts'

const digest = (letter: string) => letter.repeat(64)
const layer = (kind: string, letter: string) => ({
  mediaType: `application/vnd.ollama.image.${kind}`,
  digest: `sha256:${digest(letter)}`,
  size: 4,
})

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

const manifest = (...layers: unknown[]) => JSON.stringify({ schemaVersion: 2, layers })

/** A store with a model in one file, one with a projector, one of another user and one of another registry. */
function store(t: Test, below = ''): string {
  const folder = t.testdir()
  const manifests = join(folder, below, 'manifests')
  const library = join(manifests, 'registry.ollama.ai/library')
  const model = manifest(layer('template', 'e'), layer('model', 'a'), layer('license', 'f'))
  write(join(library, 'llama3.2-vision/11b'), model)
  write(join(library, 'llama3.2-vision/latest'), manifest(layer('projector', 'b'), layer('model', 'c')))
  write(join(manifests, 'registry.ollama.ai/someone/Moondream/v2'), model)
  write(join(manifests, 'hf.co/unsloth/Qwen2.5-VL-3B-Instruct-GGUF/Q4_K_M'), model)
  write(join(manifests, '.DS_Store'), '')
  for (const letter of ['a', 'b']) write(join(folder, below, `blobs/sha256-${digest(letter)}`), 'GGUF')
  write(join(folder, below, `blobs/sha256:${digest('c')}`), 'GGUF')
  return folder
}

t.test('a model is the blob that its manifest names', async (t) => {
  const folder = store(t)
  const whole = { path: join(folder, `blobs/sha256-${digest('a')}`), mmprojPath: undefined }
  t.strictSame(await resolveInStore(folder, 'llama3.2-vision:11b'), whole)
  t.strictSame(await resolveInStore(folder, 'library/llama3.2-vision:11b'), whole)
  t.strictSame(await resolveInStore(folder, 'registry.ollama.ai/library/llama3.2-vision:11b'), whole)
  t.strictSame(await resolveInStore(folder, 'someone/Moondream:v2'), whole)
  t.strictSame(await resolveInStore(folder, 'hf.co/unsloth/Qwen2.5-VL-3B-Instruct-GGUF:Q4_K_M'), whole)
  t.strictSame(await resolveInStore(folder, 'SomeOne/moondream:V2'), whole, 'case is no difference')
})

t.test(
  'the tag is latest when none is given; a projector may be a blob of its own, named as in 2023',
  async (t) => {
    const folder = store(t)
    t.strictSame(await resolveInStore(folder, 'llama3.2-vision'), {
      path: join(folder, `blobs/sha256:${digest('c')}`),
      mmprojPath: join(folder, `blobs/sha256-${digest('b')}`),
    })
  },
)

t.test('the folder above the store does as well', async (t) => {
  const folder = store(t, 'models')
  t.equal(
    (await resolveInStore(folder, 'llama3.2-vision:11b')).path,
    join(folder, `models/blobs/sha256-${digest('a')}`),
  )
  t.equal((await listStore(folder)).length, 4)
})

t.test('models are listed by the names that find them', async (t) => {
  const folder = store(t)
  const names = await listStore(folder)
  t.strictSame(names, [
    'hf.co/unsloth/Qwen2.5-VL-3B-Instruct-GGUF:Q4_K_M',
    'llama3.2-vision:11b',
    'llama3.2-vision:latest',
    'someone/Moondream:v2',
  ])
  for (const name of names) t.ok(await resolveInStore(folder, name), name)
  t.strictSame(await listStore('/nowhere'), [])
})

t.test('what is missing is told with what is there', async (t) => {
  const folder = store(t)
  await t.rejects(resolveInStore(folder, 'llava'), {
    name: 'ModelProblem',
    message: `ollama:llava (registry.ollama.ai/library/llava/latest) not found in the Ollama store ${folder}, which has: hf.co/unsloth/Qwen2.5-VL-3B-Instruct-GGUF:Q4_K_M, llama3.2-vision:11b, llama3.2-vision:latest, someone/Moondream:v2. Set MODEL_NAME to one of them, after ollama:, or OLLAMA_STORE to another store, or run: llama-vision pull ollama:llava`,
  })
  await t.rejects(resolveInStore('/nowhere', 'llava'), {
    message: /ollama:llava not found: \/nowhere is no Ollama store.* Set OLLAMA_STORE/,
  })
  const empty = t.testdir({ empty: { manifests: {} } })
  await t.rejects(resolveInStore(join(empty, 'empty'), 'llava'), { message: /which has: no models\./ })
})

t.test('a store that is not whole says what it lacks', async (t) => {
  const folder = store(t)
  const library = join(folder, 'manifests/registry.ollama.ai/library')
  write(join(library, 'gone/latest'), manifest(layer('model', 'd')))
  write(join(library, 'cloud/latest'), manifest(layer('template', 'a')))
  write(join(library, 'broken/latest'), '{"layers": [')
  write(join(library, 'odd/latest'), '{"layers": 5}')
  await t.rejects(resolveInStore(folder, 'gone'), {
    message: new RegExp(
      `blobs/sha256-${digest('d')}, a file of ollama:gone, is not .* run ollama pull gone again`,
    ),
  })
  await t.rejects(resolveInStore(folder, 'cloud'), {
    message: /ollama:cloud has no GGUF file: .*cloud\/latest/,
  })
  await t.rejects(resolveInStore(folder, 'broken'), { message: /broken\/latest is no manifest/ })
  await t.rejects(resolveInStore(folder, 'odd'), { message: /ollama:odd has no GGUF file/ })
  const closed = join(library, 'closed/latest')
  write(closed, manifest(layer('model', 'a')))
  chmodSync(closed, 0)
  if (process.getuid?.() !== 0)
    await t.rejects(resolveInStore(folder, 'closed'), { message: /cannot be read \(EACCES\)/ })
})

t.test('neither names nor digests lead out of the store', async (t) => {
  const folder = store(t)
  const names = [
    '',
    '..',
    '../x',
    'a/../b',
    '../../../x:y',
    'a:../b',
    '/etc/passwd',
    'a/b/c/d',
    'a:b:c',
    '.a',
    'a/',
    'a b',
  ]
  for (const name of names) {
    t.equal(parseOllamaName(name), undefined, name)
    await t.rejects(resolveInStore(folder, name), { message: /is no name of an Ollama model/ }, name)
  }
  const library = join(folder, 'manifests/registry.ollama.ai/library')
  for (const [index, wrong] of [
    `sha256:../../${digest('a')}`,
    `sha256:${'a'.repeat(63)}`,
    '../x',
    '',
  ].entries()) {
    write(join(library, `bad${index}/latest`), manifest({ ...layer('model', 'a'), digest: wrong }))
    await t.rejects(resolveInStore(folder, `bad${index}`), { message: /has no GGUF file/ }, wrong)
  }
})

t.test('links that lead in circles end where manifests lie', async (t) => {
  const folder = store(t)
  const manifests = join(folder, 'manifests')
  for (const name of ['circle', 'again']) symlinkSync('.', join(manifests, name))
  const names = await listStore(folder)
  t.ok(names.includes('llama3.2-vision:11b'))
  t.ok(names.length <= 1000)
  t.ok(await resolveInStore(folder, 'someone/moondream:V2'), 'it is still looked for')
})

t.test('of a crowded store the first thousand are listed, and any is found', async (t) => {
  const folder = store(t)
  const crowded = join(folder, 'manifests/registry.ollama.ai/library/crowded')
  mkdirSync(crowded)
  for (let tag = 0; tag < 1010; tag += 1) writeFileSync(join(crowded, `t${tag}`), '')
  for (const tag of [0, 600, 1009]) writeFileSync(join(crowded, `t${tag}`), manifest(layer('model', 'a')))
  t.ok((await listStore(folder)).length <= 1000)
  for (const tag of [0, 600, 1009]) t.ok(await resolveInStore(folder, `crowded:t${tag}`))
})

t.test('a manifest or blob that is no file of a sensible size is told and not waited for', async (t) => {
  const folder = store(t)
  const library = join(folder, 'manifests/registry.ollama.ai/library')
  write(join(library, 'huge/latest'), '')
  truncateSync(join(library, 'huge/latest'), 2 ** 40)
  await t.rejects(resolveInStore(folder, 'huge'), { message: /huge\/latest has 1099511627776 bytes/ })
  write(join(library, 'deep/latest'), '['.repeat(1_000_000))
  await t.rejects(resolveInStore(folder, 'deep'), { message: /deep\/latest is no manifest/ })
  write(join(library, 'pipe/v1'), '')
  execFileSync('mkfifo', [join(library, 'pipe/latest'), join(folder, `blobs/sha256-${digest('d')}`)])
  await t.rejects(resolveInStore(folder, 'pipe'), { message: /pipe\/latest is a named pipe, not a file/ })
  write(join(library, 'blob/latest'), manifest(layer('model', 'd')))
  await t.rejects(resolveInStore(folder, 'blob'), { message: /a file of ollama:blob, is not in the store/ })
})

t.test('a blob may be a link to a file, as where stores share their weights', async (t) => {
  const folder = store(t)
  write(join(folder, 'shared.gguf'), 'GGUF')
  symlinkSync(join(folder, 'shared.gguf'), join(folder, `blobs/sha256-${digest('9')}`))
  write(
    join(folder, 'manifests/registry.ollama.ai/library/shared/latest'),
    manifest({ ...layer('model', '9') }),
  )
  t.match(await resolveInStore(folder, 'shared'), { path: /blobs\/sha256-9/ })
})

t.test('names have the parts that Ollama gives them', (t) => {
  t.strictSame(parseOllamaName('localhost:5000/me/my-model:Q4_0'), {
    host: 'localhost:5000',
    namespace: 'me',
    model: 'my-model',
    tag: 'Q4_0',
  })
  t.equal(parseOllamaName('a'.repeat(81)), undefined)
  t.equal(nameInStore('ollama:llava:7b'), 'llava:7b')
  t.equal(nameInStore('llava.gguf'), undefined)
  t.end()
})
