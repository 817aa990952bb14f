/** The vision transformer that nearly all families have: two layers, 64 wide. */
import type { Tensor, Value } from '../gguf.ts'
import { linear, norm, weights } from './weights.ts'

/** As narrow as heads allow. */
export const visionWidth = 64
const inner = 96
const heads = 2
export const headWidth = visionWidth / heads

type Blocks = {
  layers?: number
  /** Queries, keys and values in one matrix. */
  fused?: boolean
  /** Of the matrices. */
  biases?: boolean
  normBiases?: boolean
  gate?: boolean
  more?: (layer: string, index: number) => Tensor[]
}

export function blocks({
  layers = 2,
  fused = false,
  biases = true,
  normBiases = true,
  gate,
  more,
}: Blocks): Tensor[] {
  const square = (name: string) => linear(name, visionWidth, visionWidth, biases)
  return Array.from({ length: layers }, (_, index) => {
    const layer = `v.blk.${index}`
    return [
      ...norm(`${layer}.ln1`, visionWidth, normBiases),
      ...(fused
        ? linear(`${layer}.attn_qkv`, visionWidth, 3 * visionWidth, biases)
        : ['q', 'k', 'v'].flatMap((of) => square(`${layer}.attn_${of}`))),
      ...square(`${layer}.attn_out`),
      ...norm(`${layer}.ln2`, visionWidth, normBiases),
      ...(gate ? linear(`${layer}.ffn_gate`, visionWidth, inner, biases) : []),
      ...linear(`${layer}.ffn_up`, visionWidth, inner, biases),
      ...linear(`${layer}.ffn_down`, inner, visionWidth, biases),
      ...(more?.(layer, index) ?? []),
    ]
  }).flat()
}

export const patches = (size: number, { bias = true, name = 'v.patch_embd' } = {}): Tensor[] => [
  weights(`${name}.weight`, [size, size, 3, visionWidth]),
  ...(bias ? [weights(`${name}.bias`, [visionWidth])] : []),
]

/** Learned places of patches. */
export const positions = (count: number): Tensor => weights('v.position_embd.weight', [visionWidth, count])

export const towerMetadata = (size: number, patch: number, layers = 2): Record<string, Value> => ({
  image_size: size,
  patch_size: patch,
  embedding_length: visionWidth,
  feed_forward_length: inner,
  block_count: layers,
  'attention.head_count': heads,
  'attention.layer_norm_epsilon': { float: 1e-6 },
})
