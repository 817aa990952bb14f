/**
 * Weights that are a pure function of a tensor's name in the checkpoint and an element's index, so that Python makes
 * the same model bit by bit (test/llama-vision/oracle/random_checkpoint.py describes the function).
 */
import { type TensorType, valueCount } from './gguf.ts'
import { mostTiles, type Source } from './llama-vision.ts'

/** -1 to 1 for element `index` of the tensor with this hash; exact in 64-bit floats. */
export function unit(hash: number, index: number): number {
  let x = (hash + Math.imul(index, 0x9e3779b9)) >>> 0
  x ^= x >>> 16
  x = Math.imul(x, 0x7feb352d) >>> 0
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b) >>> 0
  x = (x ^ (x >>> 16)) >>> 0
  return x / 2 ** 31 - 1
}

/** FNV-1a of an ASCII text, 32 bits. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const letter of text) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash
}

const gates: [suffix: string, value: number][] = [
  ['cross_attn_attn_gate', 0.8],
  ['cross_attn_mlp_gate', 0.6],
  ['gated_positional_embedding.gate', 0.7],
  ['pre_tile_positional_embedding.gate', 0.5],
  ['post_tile_positional_embedding.gate', 0.4],
  ['gate_attn', 0.9],
  ['gate_ffn', 0.75],
]

/** Centre and largest distance from it. */
function spread({ kind, dims }: Source): [base: number, scale: number] {
  if (kind === 'norm') return [1, 0.3]
  if (kind === 'bias') return [0, 0.1]
  if (kind === 'embedding' || kind === 'table') return [0, 1]
  const inputs = dims.length === 4 ? valueCount(dims.slice(0, 3)) : (dims[0] ?? 1)
  return [0, (1.5 * Math.sqrt(3)) / Math.sqrt(inputs)]
}

/** Tiles of the aspect ratios 1 to 8, in the model's order; 0 is no picture. */
const tilesOfRatio = [0, 1, 2, 3, 4, 2, 4, 3, 4]

/** Values of a tensor as the file holds them. */
export function hashedValues(source: Source): Float32Array {
  const { origin, kind, dims } = source
  if (kind === 'gate') return Float32Array.of(bakedGate(source))
  const hash = fnv1a(origin)
  const [base, scale] = spread(source)
  const values = Float32Array.from(
    { length: valueCount(dims) },
    (_, index) => base + scale * unit(hash, index),
  )
  if (kind === 'table') clearAbsentTiles(values, dims)
  return source.permutedHeads ? permuted(values, dims, source.permutedHeads) : values
}

function bakedGate({ origin, baked }: Source): number {
  const value = gates.find(([suffix]) => origin.endsWith(suffix))?.[1] ?? 1
  if (!baked) return value
  const factor = Math.tanh(Math.fround(value))
  return baked === 'tanh' ? factor : 1 - factor
}

/** As in every released checkpoint, the rows of tiles that an aspect ratio lacks are zero. */
function clearAbsentTiles(values: Float32Array, [width = 1]: number[]): void {
  tilesOfRatio.forEach((tiles, ratio) => {
    values.fill(0, ratio * width + (tiles * width) / mostTiles, (ratio + 1) * width)
  })
}

/** Within a head of `n` rows, row `i*(n/2) + j` becomes row `2*j + i`. */
function permuted(values: Float32Array, [columns = 1, rows = 1]: number[], heads: number): Float32Array {
  const moved = new Float32Array(values.length)
  const perHead = rows / heads
  for (let row = 0; row < rows; row += 1) {
    const inHead = row % perHead
    const half = inHead >= perHead / 2 ? 1 : 0
    const target = row - inHead + 2 * (inHead - (half * perHead) / 2) + half
    moved.set(values.subarray(row * columns, (row + 1) * columns), target * columns)
  }
  return moved
}

/** Little-endian, as in the file. */
export const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength)

export function hashedWeights(source: Source, type: TensorType) {
  if (type !== 'f32') throw new Error(`hashed weights are f32, not ${type}`)
  return () => [bytesOf(hashedValues(source))]
}
