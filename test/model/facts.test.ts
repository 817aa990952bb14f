import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findModel } from '../../src/model/facts.ts'
import { type ModelPlace, modelFilesFingerprint, pulledFile } from '../../src/model/locate.ts'
import { writeModelPair } from '../support/fake-engine.ts'
import { layerTensors, type Tensor, writeGguf } from '../support/gguf.ts'

function modelFolder(t: Test): {
  folder: string
  find: (env?: Partial<ModelPlace>) => ReturnType<typeof findModel>
} {
  const folder = t.testdir()
  writeModelPair(folder)
  const settings = { folder, name: 'tiny.gguf', mmproj: '', ollamaStore: '/nowhere' }
  return { folder, find: (env = {}) => findModel({ ...settings, ...env }) }
}

const projector = (name: string, width: number) => ({
  'general.architecture': 'clip',
  'general.name': name,
  'clip.projector_type': 'qwen2vl_merger',
  'clip.vision.projection_dim': width,
})

t.test('reads the facts of a model and of the projector beside it', async (t) => {
  const { folder, find } = modelFolder(t)
  t.match(await find(), {
    path: join(folder, 'tiny.gguf'),
    mmprojPath: join(folder, 'tiny-mmproj.gguf'),
    description: 'a model of headers',
    architecture: 'llama',
    embeddingLength: 64,
    contextLength: 4096,
    // 2 layers, 2 KV heads of 16 numbers, keys and values, 2 bytes each
    kvBytesPerToken: 256,
    controlTokens: ['<|im_start|>', '<|im_end|>'],
    projector: { type: 'janus_pro', imageSize: 128, patchSize: 16, embeddingLength: 32 },
  })
})

t.test('heads given layer by layer and head sizes of their own are counted', async (t) => {
  const { folder, find } = modelFolder(t)
  const metadata = {
    'general.architecture': 'gemma3',
    'gemma3.block_count': 3,
    'gemma3.embedding_length': 64,
    'gemma3.attention.head_count': 4,
    'gemma3.attention.head_count_kv': [1, 2, 1],
    'gemma3.attention.key_length': 32,
    'gemma3.attention.value_length': 16,
  }
  writeGguf(join(folder, 'mixed.gguf'), metadata, layerTensors(3))
  t.equal((await find({ name: 'mixed.gguf' })).kvBytesPerToken, 4 * (32 + 16) * 2)
})

t.test('shards are counted together', async (t) => {
  const { folder, find } = modelFolder(t)
  const header = { 'general.architecture': 'llama', 'llama.embedding_length': 64 }
  writeGguf(join(folder, 'big-00001-of-00002.gguf'), header)
  writeFileSync(join(folder, 'big-00002-of-00002.gguf'), Buffer.alloc(10_000))
  t.ok((await find({ name: 'big-00001-of-00002.gguf' })).weightBytes > 10_000)
})

t.test('the projector is chosen by what fits, then by origin; names do not count', async (t) => {
  const { folder, find } = modelFolder(t)
  writeGguf(join(folder, 'mmproj-tiny.gguf'), projector('other', 128 + 1))
  t.equal((await find()).mmprojPath, join(folder, 'tiny-mmproj.gguf'), 'another width does not fit')
  writeGguf(join(folder, 'another.gguf'), projector('other', 64))
  t.equal(
    (await find()).mmprojPath,
    join(folder, 'tiny-mmproj.gguf'),
    'of those that fit, the one of the same name',
  )
  t.equal(
    (await find({ mmproj: 'another.gguf' })).mmprojPath,
    join(folder, 'another.gguf'),
    'MMPROJ_NAME overrides',
  )
  writeGguf(join(folder, 'tiny-mmproj-q8.gguf'), projector('tiny', 64))
  await t.rejects(find(), {
    name: 'ModelProblem',
    message:
      /Several vision projectors .* fit tiny\.gguf: tiny-mmproj-q8\.gguf, tiny-mmproj\.gguf\. Set MMPROJ_NAME/,
  })
})

t.test('what is missing is told with what is there', async (t) => {
  const { folder, find } = modelFolder(t)
  await t.rejects(find({ name: 'x.gguf' }), {
    message: `${folder}/x.gguf not found; the folder holds: tiny-mmproj.gguf, tiny.gguf. Set MODEL_NAME to one of them or put the model there`,
  })
  await t.rejects(find({ folder: '/nowhere' }), {
    message: /the folder \/nowhere does not exist\. Check MODEL_PATH, MODEL_NAME/,
  })
  await t.rejects(find({ mmproj: 'y.gguf' }), { message: /y\.gguf not found.*Set MMPROJ_NAME/ })
  await t.rejects(find({ mmproj: '/nowhere/y.gguf' }), {
    message: /the folder \/nowhere does not exist\. Set MMPROJ_NAME/,
  })
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  await t.rejects(find({ folder: empty }), { message: /the folder holds: no \.gguf files/ })
  const crowded = join(folder, 'crowded')
  mkdirSync(crowded)
  for (let count = 10; count < 25; count += 1) writeFileSync(join(crowded, `m${count}.gguf`), '')
  await t.rejects(find({ folder: crowded }), { message: /m10\.gguf, .*m19\.gguf and 5 more\./ })
})

t.test('files that are no model are told apart', async (t) => {
  const { folder, find } = modelFolder(t)
  await t.rejects(find({ name: 'tiny-mmproj.gguf' }), {
    message: /is a vision projector \(mmproj\), not a model/,
  })
  await t.rejects(find({ mmproj: 'tiny.gguf' }), { message: /is not a vision projector/ })
  writeFileSync(join(folder, 'text.gguf'), 'hello there')
  await t.rejects(find({ name: 'text.gguf' }), { message: /is not a GGUF file/ })
  writeFileSync(join(folder, 'cut.gguf'), Buffer.from('GGUF\x03\0\0\0\xff', 'latin1'))
  await t.rejects(find({ name: 'cut.gguf' }), {
    message: /unreadable GGUF header.*fetch the file again/,
  })
  const closed = join(folder, 'closed.gguf')
  writeFileSync(closed, 'GGUF')
  chmodSync(closed, 0)
  if (process.getuid?.() !== 0)
    await t.rejects(find({ name: 'closed.gguf' }), { message: /cannot be read \(EACCES\)/ })
})

t.test('a lone model is told what it lacks', async (t) => {
  const folder = t.testdir()
  const settings = { folder, name: 'lone.gguf', mmproj: '', ollamaStore: '/nowhere' }
  writeGguf(join(folder, 'lone.gguf'), { 'general.architecture': 'llama', 'llama.embedding_length': 64 })
  await t.rejects(findModel(settings), {
    message: /needs its vision projector \(an mmproj GGUF\), and .* holds none.* set MMPROJ_NAME to it/,
  })
  writeGguf(join(folder, 'stranger.gguf'), projector('stranger', 100))
  await t.rejects(findModel(settings), {
    message: /fits lone\.gguf \(embedding length 64\): stranger\.gguf belong to other models/,
  })
})

t.test('the fingerprint changes with the files', async (t) => {
  const { folder } = modelFolder(t)
  const settings = { folder, name: 'tiny.gguf', mmproj: '', ollamaStore: '/nowhere' }
  const before = await modelFilesFingerprint(settings)
  t.equal(await modelFilesFingerprint(settings), before)
  writeFileSync(join(folder, 'new.gguf'), '')
  t.not(await modelFilesFingerprint(settings), before)
  t.equal(await modelFilesFingerprint({ ...settings, folder: '/nowhere' }), '/nowhere/tiny.gguf is missing')
})

t.test('a model is found where Ollama keeps it, pair and all', async (t) => {
  const { folder, find } = modelFolder(t)
  const store = join(folder, 'store')
  mkdirSync(join(store, 'blobs'), { recursive: true })
  const layer = (kind: string, file: string) => {
    const bytes = readFileSync(join(folder, file))
    const digest = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(store, 'blobs', `sha256-${digest}`), bytes)
    return {
      mediaType: `application/vnd.ollama.image.${kind}`,
      digest: `sha256:${digest}`,
      size: bytes.length,
    }
  }
  const place = join(store, 'manifests/registry.ollama.ai/library/tiny-vision')
  mkdirSync(place, { recursive: true })
  const projectorFile =
    readdirSync(folder).find((name) => name.endsWith('.gguf') && name !== 'tiny.gguf') ?? ''
  const layers = [layer('model', 'tiny.gguf'), layer('projector', projectorFile)]
  writeFileSync(join(place, 'latest'), JSON.stringify({ schemaVersion: 2, layers }))
  const settings = { ollamaStore: store, name: 'ollama:tiny-vision', folder: '/nowhere' }
  const facts = await find(settings)
  t.match(facts, { path: /blobs\/sha256-/, mmprojPath: /blobs\/sha256-/ })
  t.not(facts.path, facts.mmprojPath)
  await t.rejects(find({ ...settings, name: 'ollama:other:7b' }), { message: /other:7b.*tiny-vision/s })
})

t.test('a model that was pulled is known by its source', async (t) => {
  const { folder, find } = modelFolder(t)
  const name = 'hf:owner/repo:Q4_K_M'
  await t.rejects(find({ name }), {
    message: /has not been fetched into .*, which MODEL_PATH names; run: llama-vision pull hf:owner/,
  })
  const before = await modelFilesFingerprint({
    name,
    folder,
    mmproj: '',
    ollamaStore: '',
  })
  writeFileSync(join(folder, pulledFile), 'broken')
  await t.rejects(find({ name }), { message: /has not been fetched into/ })
  writeFileSync(join(folder, pulledFile), JSON.stringify({ [name]: ['tiny.gguf'] }))
  t.not(await modelFilesFingerprint({ name, folder, mmproj: '', ollamaStore: '' }), before)
  t.match(await find({ name }), { path: join(folder, 'tiny.gguf') })
})

t.test('demo is the model that comes with the service, wherever MODEL_PATH points', async (t) => {
  const facts = await findModel({
    name: 'demo',
    folder: '/nowhere',
    mmproj: '',
    ollamaStore: '/nowhere',
  })
  t.match(facts.description, /tiny|demo/i)
})

const zeros = (name: string, bytes: number): Tensor => ({ name, dims: [bytes / 4], type: 'f32' })

const llamaVisionText = {
  'general.architecture': 'mllama',
  'mllama.block_count': 5,
  'mllama.context_length': 4096,
  'mllama.embedding_length': 64,
  'mllama.attention.head_count': 4,
  'mllama.attention.head_count_kv': 2,
  'mllama.attention.cross_attention_layers': [1, 3],
}
const llamaVisionTower = {
  'mllama.vision.block_count': 2,
  'mllama.vision.embedding_length': 32,
  'mllama.vision.image_size': 56,
  'mllama.vision.patch_size': 14,
  'mllama.vision.max_num_tiles': 4,
}
const towerProjector = {
  type: 'mllama',
  imageSize: 56,
  patchSize: 14,
  tiling: { side: 56, most: 4 },
  rowsPerTile: 17,
}

t.test('Llama 3.2 Vision in one file is its own projector', async (t) => {
  const { folder, find } = modelFolder(t)
  writeGguf(join(folder, 'vision.gguf'), { ...llamaVisionText, ...llamaVisionTower }, [
    zeros('blk.0.attn_q.weight', 640),
    zeros('mm.0.weight', 96),
    zeros('output.weight', 320),
    zeros('v.patch_embd.weight', 64),
    zeros('v.post_ln.weight', 32),
  ])
  const path = join(folder, 'vision.gguf')
  const facts = await find({ name: 'vision.gguf' })
  t.match(facts, {
    path,
    mmprojPath: path,
    architecture: 'mllama',
    mmprojBytes: 192,
    projector: towerProjector,
  })
  t.equal(facts.weightBytes + facts.mmprojBytes, statSync(path).size)
  const layer = 2 * (16 + 16) * 2
  t.equal(facts.kvBytesPerToken, 3 * layer, 'layers that look at the picture keep nothing for a token')
  t.equal(facts.kvBytesPerRow, 2 * layer)
})

t.test('Llama 3.2 Vision in two files is paired like any model, and with nothing else', async (t) => {
  const { folder, find } = modelFolder(t)
  writeGguf(join(folder, 'text.gguf'), llamaVisionText, layerTensors(5))
  await t.rejects(find({ name: 'text.gguf' }), {
    message: /No vision projector .* fits text\.gguf .*tiny-mmproj\.gguf belong to other models/,
  })
  writeGguf(join(folder, 'tower.gguf'), { 'general.architecture': 'mllama', ...llamaVisionTower }, [
    zeros('v.patch_embd.weight', 64),
  ])
  const facts = await find({ name: 'text.gguf' })
  t.match(facts, { mmprojPath: join(folder, 'tower.gguf'), projector: towerProjector })
  t.equal(
    (await find()).mmprojPath,
    join(folder, 'tiny-mmproj.gguf'),
    'nor do other models take its projector',
  )
  await t.rejects(find({ name: 'tower.gguf' }), { message: /is a vision projector/ })
})
