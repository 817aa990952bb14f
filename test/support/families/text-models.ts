/** Text models of two layers. Most are decoders that differ in their norms and biases; a few have parts of their own. */
import type { Tensor, Value } from '../gguf.ts'
import { linear, norm, weights } from './weights.ts'

export type TextModel = {
  architecture: string
  width: number
  /** Without the architecture that each key begins with. */
  metadata: Record<string, Value>
  /** All but the embeddings of tokens, which are as many as the vocabulary has. */
  tensors: Tensor[]
}

export type Shape = {
  width: number
  layers: number
  heads: number
  keyHeads: number
  headWidth: number
  inner: number
}

export const small: Shape = { width: 64, layers: 2, heads: 2, keyHeads: 1, headWidth: 32, inner: 96 }

type Options = Partial<Shape> & {
  /** Of queries, keys and values. */
  biases?: boolean
  /** Each head's queries and keys are normed. */
  headNorms?: boolean
  /** Norms after attention and feed-forward, as Gemma has. */
  postNorms?: boolean
  /** Feed-forward's gate lies in the same matrix as what it gates. */
  gateInside?: boolean
  metadata?: Record<string, Value>
  /** Of each layer, beside the usual ones. */
  more?: (layer: string, shape: Shape) => Tensor[]
}

export function decoder(architecture: string, options: Options = {}): TextModel {
  const { biases, headNorms, postNorms, gateInside, metadata, more, ...sizes } = options
  const shape = { ...small, ...sizes }
  const { width, layers } = shape
  const layer = (name: string): Tensor[] => [
    ...norm(`${name}.attn_norm`, width, false),
    ...attention(name, shape, biases ?? false),
    ...(headNorms ? ['q', 'k'].flatMap((of) => norm(`${name}.attn_${of}_norm`, shape.headWidth, false)) : []),
    ...(postNorms ? norm(`${name}.post_attention_norm`, width, false) : []),
    ...norm(`${name}.ffn_norm`, width, false),
    ...(gateInside ? gatedInside(name, shape) : feedForward(name, shape)),
    ...(postNorms ? norm(`${name}.post_ffw_norm`, width, false) : []),
    ...(more?.(name, shape) ?? []),
  ]
  return {
    architecture,
    width,
    metadata: { ...shapeMetadata(shape), ...metadata },
    tensors: [
      ...norm('output_norm', width, false),
      ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    ],
  }
}

export const shapeMetadata = (shape: Shape): Record<string, Value> => ({
  context_length: 32_768,
  embedding_length: shape.width,
  block_count: shape.layers,
  feed_forward_length: shape.inner,
  'attention.head_count': shape.heads,
  'attention.head_count_kv': shape.keyHeads,
  'attention.key_length': shape.headWidth,
  'attention.value_length': shape.headWidth,
  'attention.layer_norm_rms_epsilon': { float: 1e-6 },
  'rope.dimension_count': shape.headWidth,
  'rope.freq_base': { float: 10_000 },
})

export function attention(name: string, shape: Shape, biases: boolean): Tensor[] {
  const { width, heads, keyHeads, headWidth } = shape
  return [
    ...linear(`${name}.attn_q`, width, heads * headWidth, biases),
    ...linear(`${name}.attn_k`, width, keyHeads * headWidth, biases),
    ...linear(`${name}.attn_v`, width, keyHeads * headWidth, biases),
    weights(`${name}.attn_output.weight`, [heads * headWidth, width]),
  ]
}

export const feedForward = (name: string, { width, inner }: Shape): Tensor[] => [
  weights(`${name}.ffn_gate.weight`, [width, inner]),
  weights(`${name}.ffn_up.weight`, [width, inner]),
  weights(`${name}.ffn_down.weight`, [inner, width]),
]

const gatedInside = (name: string, { width, inner }: Shape): Tensor[] => [
  weights(`${name}.ffn_up.weight`, [width, 2 * inner]),
  weights(`${name}.ffn_down.weight`, [inner, width]),
]
