import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findModel, type ModelFacts } from '../../src/model/facts.ts'
import { writeModelPair } from '../support/fake-engine.ts'
import { layerTensors, type Value, writeGguf } from '../support/gguf.ts'

const textModel: Record<string, Value> = {
  'general.architecture': 'llama',
  'llama.block_count': 2,
  'llama.context_length': 4096,
  'llama.embedding_length': 64,
  'llama.attention.head_count': 4,
  'llama.attention.head_count_kv': 2,
}
const visionModel: Record<string, Value> = {
  'general.architecture': 'mllama',
  'mllama.block_count': 4,
  'mllama.embedding_length': 64,
  'mllama.attention.head_count': 4,
  'mllama.attention.cross_attention_layers': { int: [1] },
  'mllama.vision.image_size': 56,
  'mllama.vision.patch_size': 14,
  'mllama.vision.max_num_tiles': 4,
}
const oneFile = [...layerTensors(4), { name: 'v.class_embd', dims: [8], type: 'f32' as const }]

function factsOf(t: Test, metadata: Record<string, Value>): Promise<ModelFacts> {
  const folder = t.testdir()
  writeModelPair(folder)
  writeGguf(
    join(folder, 'x.gguf'),
    metadata,
    metadata['general.architecture'] === 'mllama' ? oneFile : layerTensors(2),
  )
  return findModel({ folder, name: 'x.gguf', mmproj: '', ollamaStore: '' })
}

/** Key, values that no model has, what is said. */
const impossible: [key: string, values: Value[], message: RegExp][] = [
  ['llama.block_count', [2 ** 31 - 1, 513, { float: 2.5 }, 'two', [2]], /block_count is .* from 0 to 512/],
  ['llama.block_count', [3, 512], /llama\.block_count is \d+, but it has 2 tensors/],
  [
    'llama.embedding_length',
    [0, 2 ** 32 - 1, { float: Number.NaN }],
    /embedding_length is .* from 1 to 1048576/,
  ],
  [
    'llama.context_length',
    [0, 2 ** 31, { float: Number.POSITIVE_INFINITY }],
    /context_length is .* from 1 to/,
  ],
  [
    'llama.attention.head_count',
    [2 ** 16 + 1, { int: [4, -1] }, ['a', 'b']],
    /head_count is .* from 0 to 65536/,
  ],
  ['llama.attention.head_count_kv', [[1], [1, 2, 3]], /head_count_kv is a list of \d for 2 layers/],
  ['llama.attention.key_length', [0, 2 ** 32 - 1], /key_length is .* from 1 to 65536/],
  ['llama.attention.value_length', [0, 2 ** 32 - 1], /value_length is .* from 1 to 65536/],
]

t.test('a number that no model has is told, with the numbers that models have', async (t) => {
  t.equal((await factsOf(t, textModel)).kvBytesPerToken, 256)
  for (const [key, values, message] of impossible) {
    for (const value of values) {
      const problem = { name: 'ModelProblem', message }
      await t.rejects(factsOf(t, { ...textModel, [key]: value }), problem, `${key}: ${JSON.stringify(value)}`)
    }
  }
})

const impossibleVision: [key: string, values: Value[], message: RegExp][] = [
  ['mllama.vision.image_size', [0, 8193], /image_size is .* from 1 to 8192/],
  ['mllama.vision.image_size', [57], /mllama\.vision\.image_size is not a multiple of patch_size/],
  ['mllama.vision.patch_size', [0, 2 ** 32 - 1], /patch_size is .* expected a whole number/],
  ['mllama.vision.max_num_tiles', [0, 17, { float: 3.5 }], /max_num_tiles is .* from 1 to 16/],
  ['mllama.attention.cross_attention_layers', [{ int: [-1] }, [512], ['a']], /cross_attention_layers is/],
]

t.test('so are those of the tower of Llama 3.2 Vision', async (t) => {
  t.match(await factsOf(t, visionModel), { projector: { rowsPerTile: 17, tiling: { side: 56, most: 4 } } })
  for (const [key, values, message] of impossibleVision) {
    for (const value of values) {
      const problem = { name: 'ModelProblem', message }
      await t.rejects(
        factsOf(t, { ...visionModel, [key]: value }),
        problem,
        `${key}: ${JSON.stringify(value)}`,
      )
    }
  }
  const { 'mllama.vision.patch_size': _, ...without } = visionModel
  await t.rejects(factsOf(t, without), { message: /is broken: it has no mllama\.vision\.patch_size/ })
})

t.test('the layers of a model in pieces may lie in the others', async (t) => {
  const facts = await factsOf(t, { ...textModel, 'llama.block_count': 4, 'split.tensors.count': 40 })
  t.equal(facts.kvBytesPerToken, 512)
})

t.test('what a file calls itself is shown without what a terminal would obey', async (t) => {
  const facts = await factsOf(t, { ...textModel, 'general.description': 'a\u001b[2J\nb'.padEnd(2000, 'x') })
  t.match(facts.description, /^a\ufffd\[2J bx+…$/)
  t.equal([...(facts.description ?? '')].length, 1000)
  await t.rejects(factsOf(t, { ...textModel, 'general.architecture': '\u001b[31mred' }), {
    message: /x\.gguf is broken: its architecture is "\ufffd\[31mred"/,
  })
})

t.test('a neighbour whose numbers are impossible is no projector of this model', async (t) => {
  const folder = t.testdir()
  writeModelPair(folder)
  for (const [index, width] of [2 ** 32 - 1, { float: -64 }, { float: Number.NaN }, [64]].entries()) {
    writeGguf(join(folder, `odd${index}.gguf`), {
      'general.architecture': 'clip',
      'general.name': 'tiny',
      'clip.vision.projection_dim': width,
    })
  }
  const facts = await findModel({ folder, name: 'tiny.gguf', mmproj: '', ollamaStore: '' })
  t.equal(facts.mmprojPath, join(folder, 'tiny-mmproj.gguf'))
})
