/** The files that people have: the same weights in every layout give the same answers, and broken files are refused. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { readHeader } from '../../src/model/gguf.ts'
import { tensorBytes } from '../../src/model/header.ts'
import { type Tensor, writeGguf } from '../support/gguf.ts'
import { bytesOf, hashedValues, hashedWeights } from '../support/hashed-weights.ts'
import {
  answersDistance,
  asked,
  engineProgram,
  LlamaServer,
  patternPicture,
} from '../support/llama-server.ts'
import {
  llamaVisionFiles,
  type Source,
  tensorsOf,
  textMetadata,
  textSources,
} from '../support/llama-vision.ts'
import { untouched } from '../support/service.ts'
import { precise, quantizableShape, smallShape, writeTinyModel } from '../support/tiny-llama-vision.ts'

const folder = mkdtempSync(join(tmpdir(), 'tiny-llama-vision-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const options = [...precise, '--ctx-size', '1024', '--parallel', '1']
const start = (t: Test, model: string[], more: object = {}) =>
  LlamaServer.start(t, [...model, ...options], more)

const aboutWide = {
  prompt: asked('<__media__>hello there, what is this'),
  pictures: [await patternPicture(200, 100)],
  tokens: 8,
}
const textOnly = { prompt: asked('hello there'), tokens: 8 }
const ours = writeTinyModel(folder, 'ours')
const engine = await start(t, ours)
const expected = { picture: await engine.ask(aboutWide), text: await engine.ask(textOnly) }

t.test("Ollama's single file: permuted projections, norms as they were, no start token", async (t) => {
  const server = await start(t, writeTinyModel(folder, 'ollama'))
  const answer = await server.ask(aboutWide)
  t.equal(answer.promptTokens, expected.picture.promptTokens, 'the start token is added all the same')
  t.ok(answersDistance(answer, expected.picture) < 1e-6)
})

t.test(
  "Ollama's single file read as if its projections were not permuted answers something else",
  async (t) => {
    const unpermuted = 'mllama.attention.cross_qk_permuted=bool:false'
    const server = await start(t, [...writeTinyModel(folder, 'ollama'), '--override-kv', unpermuted])
    t.ok(answersDistance(await server.ask(aboutWide), expected.picture) > 1e-3)
  },
)

t.test('how likely a caption is can be compared for both orders of the projections', async (t) => {
  const [, model = ''] = writeTinyModel(folder, 'ollama')
  const picture = join(folder, 'picture.png')
  writeFileSync(picture, aboutWide.pictures[0] ?? '')
  const command = ['--import', 'tsx', 'scripts/verify-llama-vision.ts', model, picture, 'hello there']
  const told = spawnSync('env', [...untouched, process.execPath, ...command], {
    cwd: packageRoot,
    encoding: 'utf8',
  })
  t.equal(told.status, 0, told.stderr)
  const numbers = [...told.stdout.matchAll(/permuted: +([\d.]+) nats/g)].map(([, number]) => Number(number))
  t.equal(new Set(numbers).size, 2, told.stdout)
})

t.test("Ollama's older pair: text and projector", async (t) => {
  const server = await start(t, writeTinyModel(folder, 'pair'))
  t.ok(answersDistance(await server.ask(aboutWide), expected.picture) < 1e-6)
  t.ok(answersDistance(await server.ask(textOnly), expected.text) < 1e-6)
})

t.test('padding tiles merged into one are as good as all of them', async (t) => {
  const environment = { MTMD_MLLAMA_UNMERGED: '1' }
  const server = await start(t, ours, { environment })
  for (const [width, height] of [
    [56, 56],
    [110, 50],
    [60, 160],
    [100, 100],
  ] as const) {
    const question = { ...aboutWide, pictures: [await patternPicture(width, height)], tokens: 1 }
    const [whole, merged] = [await server.ask(question), await engine.ask(question)]
    t.ok(answersDistance(merged, whole) < 1e-6, `${width}x${height}`)
  }
})

t.test('without a picture it is the Llama that its other layers are', async (t) => {
  const server = await start(t, writeTextModel(), { vocabulary: 512 })
  const answer = await server.ask(textOnly)
  t.same(answer.tokens, expected.text.tokens)
  t.ok(answersDistance(expected.text, answer) < 1e-9)
})

/** The layers without cross-attention, as a model of the architecture `llama`. */
function writeTextModel(): string[] {
  const { layers, cross, vocabulary, hidden } = smallShape
  const kept = Array.from({ length: layers }, (_, index) => index).filter((index) => !cross.includes(index))
  const tensors = textSources(smallShape, 'ours').flatMap((source): Tensor[] => {
    const layer = /^blk\.(\d+)\.(.*)$/.exec(source.name)
    if (layer && cross.includes(Number(layer[1]))) return []
    const name = layer ? `blk.${kept.indexOf(Number(layer[1]))}.${layer[2]}` : source.name
    const values = hashedValues(source)
    if (source.name !== 'token_embd.weight')
      return [{ ...source, name, type: 'f32', data: () => [bytesOf(values)] }]
    const rows = values.subarray(0, vocabulary * hidden)
    return [{ name, dims: [hidden, vocabulary], type: 'f32', data: () => [bytesOf(rows)] }]
  })
  const metadata = Object.entries(textMetadata(smallShape, 'ours'))
    .filter(([key]) => !key.includes('cross'))
    .map(([key, value]) => [key.replace('mllama.', 'llama.'), value] as const)
  const changed = {
    ...Object.fromEntries(metadata),
    'general.architecture': 'llama',
    'llama.block_count': kept.length,
  }
  for (const key of ['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type']) {
    const value = textMetadata(smallShape, 'ours')[key]
    Object.assign(changed, {
      [key]: Array.isArray(value)
        ? value.slice(0, -1)
        : { int: (value as { int: number[] }).int.slice(0, -1) },
    })
  }
  const path = join(folder, 'text.gguf')
  writeGguf(path, changed, tensors)
  return ['--model', path]
}

t.test('llama-quantize takes the text to Q4_K_M and leaves what sees alone', async (t) => {
  const [, source = ''] = writeTinyModel(folder, 'ollama', quantizableShape)
  const target = join(folder, 'quantized.gguf')
  const { status, stderr } = spawnSync(engineProgram('llama-quantize'), [source, target, 'Q4_K_M'], {
    encoding: 'utf8',
  })
  t.equal(status, 0, stderr.slice(-500))
  const [before, after] = await Promise.all([bytesByTensor(source), bytesByTensor(target)])
  t.same([...after.keys()].sort(), [...before.keys()].sort(), 'no tensor is lost')
  for (const [name, bytes] of before) {
    const isVision = /^(v|mm)\./.test(name)
    if (isVision) t.equal(after.get(name), bytes, name)
    else if (/_(q|k|v|o)_proj\.|attn_(q|k|v|output)\.|ffn_(up|down|gate)\.|token_embd|^output\./.test(name)) {
      t.ok((after.get(name) ?? 0) < bytes / 4, `${name} is smaller`)
    }
  }
  const server = await start(t, ['--model', target])
  t.equal((await server.ask(aboutWide)).tokens.length, 8)
})

/** Bytes by name, padding included. */
async function bytesByTensor(path: string): Promise<Map<string, number>> {
  const header = await readHeader(path)
  return new Map(header.tensors.map(({ name }) => [name, tensorBytes(header, (other) => other === name)]))
}

const broken: [what: string, change: (source: Source) => Float32Array | undefined, complaint: RegExp][] = [
  [
    'a gate that is no number',
    ({ name }) => (name === 'blk.1.cross_attn_attn_gate' ? Float32Array.of(Number.NaN) : undefined),
    /cross_attn_attn_gate.*not a finite number/,
  ],
  [
    'gates as before the training',
    ({ name }) => (/cross_attn_(attn|mlp)_gate/.test(name) ? Float32Array.of(0) : undefined),
    /all gates of the cross-attention layers are 0/,
  ],
  [
    'a gate of the tower that was never baked',
    ({ name }) => (name === 'v.global.blk.0.attn_gate' ? Float32Array.of(1.7) : undefined),
    /v\.global\.blk\.0\.attn_gate/,
  ],
]

t.test('a file that makes no sense is refused with the reason', async (t) => {
  const [file] = llamaVisionFiles(smallShape, 'ours')
  if (!file) throw new Error('one file')
  const path = join(folder, 'broken.gguf')
  for (const [what, change, complaint] of broken) {
    const tensors = tensorsOf(
      file.sources,
      (source, type) => {
        const changed = change(source)
        return changed ? () => [bytesOf(changed)] : hashedWeights(source, type)
      },
      () => 'f32',
    )
    writeGguf(path, file.metadata, tensors)
    await t.rejects(start(t, ['--model', path]), { message: complaint }, what)
  }
  const tensors = tensorsOf(file.sources, hashedWeights, () => 'f32')
  const wrongLayers = { 'mllama.attention.cross_attention_layers': { int: [1, 9] } }
  writeGguf(path, { ...file.metadata, ...wrongLayers }, tensors)
  await t.rejects(start(t, ['--model', path]), { message: /layer 9 is not between/ })
  const wrongIndices = { 'mllama.vision.intermediate_layers_indices': { int: [1, 2, 99] } }
  writeGguf(path, { ...file.metadata, ...wrongIndices }, tensors)
  await t.rejects(start(t, ['--model', path]), { message: /intermediate/ })
  const missing = tensors.filter(({ name }) => name !== 'blk.3.cross_attn_k_norm.weight')
  writeGguf(path, file.metadata, missing)
  await t.rejects(start(t, ['--model', path]), { message: /cross_attn_k_norm/ })
})
