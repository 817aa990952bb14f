/** Made-up weights by a tensor's name and shape alone, so that a model is the same whenever it is written. */
import { type Tensor, valueCount } from '../gguf.ts'
import { bytesOf, fnv1a, unit } from '../hashed-weights.ts'

/** Matrices keep the size of what they multiply; norms do nothing, biases little. */
export function weights(name: string, dims: number[]): Tensor {
  return { name, dims, type: 'f32', data: () => [bytesOf(valuesOf(name, dims))] }
}

function valuesOf(name: string, dims: number[]): Float32Array {
  const hash = fnv1a(name)
  const [base, scale] = spread(name, dims)
  return Float32Array.from({ length: valueCount(dims) }, (_, index) => base + scale * unit(hash, index))
}

function spread(name: string, dims: number[]): [base: number, scale: number] {
  if (name.endsWith('bias')) return [0, 0.02]
  if (dims.length === 1) return [1, 0]
  return [0, Math.sqrt(3 / valueCount(dims.slice(0, -1)))]
}

/** In half precision, which the engine asks of kernels that see one channel each. */
export const halves = (name: string, dims: number[]): Tensor => ({
  ...{ name, dims, type: 'bf16' },
  data: () => {
    const upper = new Uint16Array(valuesOf(name, dims).buffer).filter((_, index) => index % 2 === 1)
    return [new Uint8Array(upper.buffer)]
  },
})

/** The same with zeros in all rows but some. */
export function onlyRows({ name, dims }: Tensor, keep: (row: number) => boolean): Tensor {
  const [width = 1] = dims
  const data = () => {
    const values = valuesOf(name, dims)
    return [bytesOf(values.map((value, index) => (keep(Math.floor(index / width)) ? value : 0)))]
  }
  return { name, dims, type: 'f32', data }
}

/** A matrix, and its bias where it has one. */
export const linear = (name: string, inputs: number, outputs: number, bias = true): Tensor[] => [
  weights(`${name}.weight`, [inputs, outputs]),
  ...(bias ? [weights(`${name}.bias`, [outputs])] : []),
]

export const norm = (name: string, width: number, bias = true): Tensor[] => [
  weights(`${name}.weight`, [width]),
  ...(bias ? [weights(`${name}.bias`, [width])] : []),
]
