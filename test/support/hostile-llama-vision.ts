/**
 * Hostile models of the mllama architecture, made of an honest one: each fact, and each tensor's type, shape and values
 * changed by itself, in files that are otherwise whole. Unlike those of hostile-gguf.ts they get past every check of the
 * file's form, to where the engine counts with them.
 */
import { join } from 'node:path'
import { type Tensor, type TensorType, tensorTypes, type Value, valueCount, writeGguf } from './gguf.ts'
import { bytesOf, hashedWeights } from './hashed-weights.ts'
import { type Layout, llamaVisionFiles, type Shape, tensorsOf } from './llama-vision.ts'
import { smallShape } from './tiny-llama-vision.ts'

export type HostileModel = {
  what: string
  /** All of its files; the one that the service is asked for is `<layout>.gguf`. */
  write(folder: string): void
}

/** As few layers as have all kinds of them. */
export const leastShape: Shape = {
  ...smallShape,
  layers: 3,
  cross: [1],
  vision: { ...smallShape.vision, layers: 1, globalLayers: 1, intermediate: [0] },
}

type Content = { metadata: Record<string, Value>; tensors: Tensor[] }

export function hostileLlamaVision(layout: Layout): HostileModel[] {
  const files = llamaVisionFiles(leastShape, layout).map(({ metadata, sources }) => ({
    metadata,
    tensors: tensorsOf(sources, hashedWeights, () => 'f32'),
  }))
  const names = [`${layout}.gguf`, `${layout}-mmproj.gguf`]
  return files.flatMap((file, place) =>
    [...factChanges(file), ...tensorChanges(file)].map(([what, changed]) => ({
      what: `${names[place]}: ${what}`,
      write(folder) {
        files.forEach((honest, index) => {
          const { metadata, tensors } = index === place ? changed : honest
          writeGguf(join(folder, names[index] ?? ''), metadata, tensors)
        })
      },
    })),
  )
}

type Change = [what: string, changed: Content]

/** Facts that a file may hold and that ours do not. */
const added: Record<string, Value[]> = {
  'mllama.attention.key_length': [0, 1, 63, 128, 2 ** 31],
  'mllama.attention.value_length': [0, 1, 32, 2 ** 32 - 1],
  'mllama.nextn_predict_layers': [1, 3, 2 ** 32 - 1],
  'mllama.expert_count': [1, 8, 2 ** 32 - 1],
  'mllama.rope.scaling.type': ['yarn', 'nonsense'],
  'mllama.rope.scaling.factor': [{ float: 0 }, { float: Number.NaN }, { float: -1 }],
  'mllama.attention.head_count_kv': [{ int: [1, 2, 1] }, { int: [0, 0, 0] }, { int: [1] }],
  'mllama.vision.attention.head_dim': [1, 15, 2 ** 31 - 1],
  'mllama.vision.attention.head_count_kv': [0, 1, 3, 2 ** 31 - 1],
  'mllama.vision.projection_dim': [1, 2 ** 31 - 1],
  'clip.projector_type': ['mlp', 'gemma3', 'nonsense', ''],
  'general.alignment': [0, 1, 33, 2 ** 31],
  'split.count': [2, 65_535],
}

function factChanges({ metadata, tensors }: Content): Change[] {
  const of = (key: string, value: Value): Change => [
    `${key} = ${told(value)}`,
    { metadata: { ...metadata, [key]: value }, tensors },
  ]
  const there = Object.entries(metadata).flatMap(([key, value]) => {
    const { [key]: _, ...rest } = metadata
    return [
      [`no ${key}`, { metadata: rest, tensors }] as Change,
      ...otherValues(value).map((one) => of(key, one)),
    ]
  })
  return [...there, ...Object.entries(added).flatMap(([key, values]) => values.map((one) => of(key, one)))]
}

function told(value: Value): string {
  if (typeof value !== 'object') return typeof value === 'string' ? `'${value}'` : String(value)
  if ('float' in value) return String(value.float)
  const list: (string | number | boolean)[] = Array.isArray(value) ? value : Object.values(value).flat()
  return `[${list.slice(0, 3)}${list.length > 3 ? `, ${list.length} in all` : ''}]`
}

/** Of the same type, and of others. */
function otherValues(value: Value): Value[] {
  if (typeof value === 'number') {
    return [
      0,
      1,
      3,
      value + 1,
      value * 2,
      513,
      2 ** 16,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32 - 1,
      'text',
      { int: [value] },
    ]
  }
  if (typeof value === 'boolean') return [!value, 1]
  if (typeof value === 'string') return ['', 'clip', 7]
  if (Array.isArray(value)) return [[], ['a'], ['a', 'a'], value.slice(1) as string[], 'text', { int: [1] }]
  if ('float' in value) {
    const floats = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40, 3e38]
    return [...floats.map((float) => ({ float })), 1, 'text']
  }
  if (!('int' in value)) return [1, 'text', { int: [1] }]
  const { int } = value
  const lists = [
    [],
    [-1],
    [0],
    [2],
    [1, 1],
    [600],
    [2 ** 31 - 1],
    [...int, ...int],
    Array(600).fill(1),
    int.slice(1),
  ]
  return [...lists.map((list) => ({ int: list })), 1, ['text']]
}

function tensorChanges({ metadata, tensors }: Content): Change[] {
  return tensors.flatMap((tensor, place) => {
    const { name, dims, type } = tensor
    const instead = (what: string, ...others: Tensor[]): Change => [
      `${name} ${what}`,
      { metadata, tensors: tensors.toSpliced(place, 1, ...others) },
    ]
    const types = (Object.keys(tensorTypes) as TensorType[]).filter(
      (other) => other !== type && (dims[0] ?? 1) % tensorTypes[other].values === 0,
    )
    const [first = 1, ...rest] = dims
    const shapes = [
      [0, ...rest],
      [1, ...rest],
      [first * 2, ...rest],
      [...rest, first],
      [...dims, 2],
      [valueCount(dims)],
    ]
    const values = [Number.NaN, Number.POSITIVE_INFINITY, 0, 1e38]
    return [
      instead('is missing'),
      instead('is called otherwise', { ...tensor, name: `${name}x` }),
      ...types.map((other) => instead(`as ${other}`, { name, dims, type: other })),
      ...shapes
        .filter((shape) => String(shape) !== String(dims))
        .map((shape) => instead(`of the shape ${shape}`, { name, dims: shape, type })),
      ...values.map((value) =>
        instead(`is ${value}`, {
          ...tensor,
          data: () => [bytesOf(new Float32Array(valueCount(dims)).fill(value))],
        }),
      ),
    ]
  })
}
