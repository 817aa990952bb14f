/**
 * Llama 3.2 Vision models with made-up weights, as GGUF files in the layouts that people have: `ours` (one file, as
 * convert/convert.py writes it), `ollama` (one file, as Ollama's library serves it) and `pair` (Ollama's older
 * text and projector files). Tensors are named after those of the checkpoint they would come from.
 */
import type { Tensor, TensorType, Value } from './gguf.ts'
import { tokenizerMetadata } from './llama-vision-vocabulary.ts'

export type Shape = {
  /** Tokens that can be an output; one more, `<|image|>`, can only be an input. */
  vocabulary: number
  hidden: number
  heads: number
  kvHeads: number
  ffn: number
  layers: number
  /** Layers that look at the picture. */
  cross: number[]
  vision: {
    hidden: number
    heads: number
    ffn: number
    layers: number
    globalLayers: number
    /** Pixels along a tile's and a patch's side. */
    imageSize: number
    patchSize: number
    /** Layers whose inputs go to the projector too. */
    intermediate: number[]
  }
}

export type Layout = 'ours' | 'ollama' | 'pair'

/** What a tensor of the file is made from. */
export type Source = {
  name: string
  dims: number[]
  /** Name in the checkpoint, as transformers writes it. */
  origin: string
  kind: 'matrix' | 'norm' | 'bias' | 'embedding' | 'table' | 'gate'
  /** Rows are moved from half to interleaved rotation within each of so many heads. */
  permutedHeads?: number
  /** Gates of the vision part are stored as they are used. */
  baked?: 'tanh' | '1 - tanh'
}

export const mostTiles = 4
const aspectRatios = 9
const paddingRows = 8

/** The text part; `layout` decides only whether the cross-attention's projections are permuted. */
export function textSources(shape: Shape, layout: Layout): Source[] {
  const { hidden, heads, kvHeads, ffn, layers, cross, vocabulary } = shape
  const headWidth = hidden / heads
  const kvWidth = headWidth * kvHeads
  const matrix = (name: string, origin: string, dims: number[], permutedHeads?: number): Source => ({
    name: `${name}.weight`,
    origin: `${origin}.weight`,
    dims,
    kind: 'matrix',
    ...(permutedHeads ? { permutedHeads } : {}),
  })
  const norm = (name: string, origin: string, width: number): Source => ({
    name: `${name}.weight`,
    origin: `${origin}.weight`,
    dims: [width],
    kind: 'norm',
  })
  const crossHeads = (count: number) => (layout === 'ours' ? undefined : count)
  const attention = (block: string, layer: string): Source[] => [
    matrix(`${block}.attn_q`, `${layer}.self_attn.q_proj`, [hidden, hidden], heads),
    matrix(`${block}.attn_k`, `${layer}.self_attn.k_proj`, [hidden, kvWidth], kvHeads),
    matrix(`${block}.attn_v`, `${layer}.self_attn.v_proj`, [hidden, kvWidth]),
    matrix(`${block}.attn_output`, `${layer}.self_attn.o_proj`, [hidden, hidden]),
  ]
  const crossAttention = (block: string, layer: string): Source[] => [
    matrix(`${block}.cross_attn_q_proj`, `${layer}.cross_attn.q_proj`, [hidden, hidden], crossHeads(heads)),
    matrix(
      `${block}.cross_attn_k_proj`,
      `${layer}.cross_attn.k_proj`,
      [hidden, kvWidth],
      crossHeads(kvHeads),
    ),
    matrix(`${block}.cross_attn_v_proj`, `${layer}.cross_attn.v_proj`, [hidden, kvWidth]),
    matrix(`${block}.cross_attn_o_proj`, `${layer}.cross_attn.o_proj`, [hidden, hidden]),
    norm(`${block}.cross_attn_q_norm`, `${layer}.cross_attn.q_norm`, headWidth),
    norm(`${block}.cross_attn_k_norm`, `${layer}.cross_attn.k_norm`, headWidth),
    gate(`${block}.cross_attn_attn_gate`, `${layer}.cross_attn_attn_gate`),
    gate(`${block}.cross_attn_mlp_gate`, `${layer}.cross_attn_mlp_gate`),
  ]
  const root = 'language_model'
  return [
    {
      ...matrix('token_embd', `${root}.model.embed_tokens`, [hidden, vocabulary + paddingRows]),
      kind: 'embedding',
    },
    matrix('output', `${root}.lm_head`, [hidden, vocabulary]),
    norm('output_norm', `${root}.model.norm`, hidden),
    ...counted(layers).flatMap((index) => {
      const block = `blk.${index}`
      const layer = `${root}.model.layers.${index}`
      return [
        norm(`${block}.attn_norm`, `${layer}.input_layernorm`, hidden),
        ...(cross.includes(index) ? crossAttention(block, layer) : attention(block, layer)),
        norm(`${block}.ffn_norm`, `${layer}.post_attention_layernorm`, hidden),
        matrix(`${block}.ffn_gate`, `${layer}.mlp.gate_proj`, [hidden, ffn]),
        matrix(`${block}.ffn_up`, `${layer}.mlp.up_proj`, [hidden, ffn]),
        matrix(`${block}.ffn_down`, `${layer}.mlp.down_proj`, [ffn, hidden]),
      ]
    }),
  ]
}

const counted = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

const gate = (name: string, origin: string, baked?: Source['baked']): Source => ({
  name,
  origin,
  dims: [1],
  kind: 'gate',
  ...(baked ? { baked } : {}),
})

/** The vision tower and the projector. */
export function visionSources(shape: Shape, layout: Layout): Source[] {
  const { vision } = shape
  const { hidden } = vision
  const names = layout === 'pair' ? pairNames : singleNames
  const rows = (vision.imageSize / vision.patchSize) ** 2 + 1
  const part = (kind: Source['kind'], name: string, origin: string, dims: number[]): Source => ({
    name,
    origin,
    dims,
    kind,
  })
  const layerNorm = (name: string, origin: string): Source[] => [
    part('norm', `${name}.weight`, `${origin}.weight`, [hidden]),
    part('bias', `${name}.bias`, `${origin}.bias`, [hidden]),
  ]
  const linear = (name: string, origin: string, dims: number[]): Source =>
    part('matrix', `${name}.weight`, `${origin}.weight`, dims)
  const block = (name: string, origin: string, gated: boolean): Source[] => [
    ...layerNorm(`${name}.${names.attentionNorm}`, `${origin}.input_layernorm`),
    // Their order within a head does not matter, and Ollama changed it.
    ...['q', 'k'].map((letter) => ({
      ...linear(`${name}.attn_${letter}`, `${origin}.self_attn.${letter}_proj`, [hidden, hidden]),
      ...(layout === 'ollama' ? { permutedHeads: vision.heads } : {}),
    })),
    linear(`${name}.attn_v`, `${origin}.self_attn.v_proj`, [hidden, hidden]),
    linear(`${name}.${names.attentionOutput}`, `${origin}.self_attn.o_proj`, [hidden, hidden]),
    ...layerNorm(`${name}.${names.feedForwardNorm}`, `${origin}.post_attention_layernorm`),
    linear(`${name}.${names.first}`, `${origin}.mlp.fc1`, [hidden, vision.ffn]),
    part('bias', `${name}.${names.first}.bias`, `${origin}.mlp.fc1.bias`, [vision.ffn]),
    linear(`${name}.${names.second}`, `${origin}.mlp.fc2`, [vision.ffn, hidden]),
    part('bias', `${name}.${names.second}.bias`, `${origin}.mlp.fc2.bias`, [hidden]),
    ...(gated
      ? [
          gate(`${name}.attn_gate`, `${origin}.gate_attn`, 'tanh'),
          gate(`${name}.ffn_gate`, `${origin}.gate_ffn`, 'tanh'),
        ]
      : []),
  ]
  const root = 'vision_model'
  const position = `${root}.gated_positional_embedding`
  return [
    part('embedding', 'v.class_embd', `${root}.class_embedding`, [hidden]),
    part('matrix', 'v.patch_embd.weight', `${root}.patch_embedding.weight`, [
      vision.patchSize,
      vision.patchSize,
      3,
      hidden,
    ]),
    part('embedding', 'v.position_embd.weight', `${position}.embedding`, [hidden, rows]),
    gate('v.position_embd.gate', `${position}.gate`, '1 - tanh'),
    part('table', 'v.tile_position_embd.weight', `${position}.tile_embedding.weight`, [
      mostTiles * rows * hidden,
      aspectRatios,
    ]),
    gate('v.tile_position_embd.gate', `${position}.gate`, 'tanh'),
    ...['pre', 'post'].flatMap((when) => {
      const origin = `${root}.${when}_tile_positional_embedding`
      return [
        part('table', `v.${when}_tile_position_embd.weight`, `${origin}.embedding.weight`, [
          mostTiles * hidden,
          aspectRatios,
        ]),
        gate(`v.${when}_tile_position_embd.gate`, `${origin}.gate`, 'tanh'),
      ]
    }),
    ...layerNorm('v.pre_ln', `${root}.layernorm_pre`),
    ...layerNorm('v.post_ln', `${root}.layernorm_post`),
    ...counted(vision.layers).flatMap((index) =>
      block(`v.blk.${index}`, `${root}.transformer.layers.${index}`, false),
    ),
    ...counted(vision.globalLayers).flatMap((index) =>
      block(`v.global.blk.${index}`, `${root}.global_transformer.layers.${index}`, true),
    ),
    linear('mm.0', 'multi_modal_projector', [hidden * (vision.intermediate.length + 1), shape.hidden]),
    part('bias', 'mm.0.bias', 'multi_modal_projector.bias', [shape.hidden]),
  ]
}

const singleNames = {
  attentionNorm: 'attn_norm',
  feedForwardNorm: 'ffn_norm',
  attentionOutput: 'attn_output',
  first: 'ffn_up',
  second: 'ffn_down',
}
/** The older projector files have the names of the two matrices of a block the other way round. */
const pairNames = {
  attentionNorm: 'ln1',
  feedForwardNorm: 'ln2',
  attentionOutput: 'attn_out',
  first: 'ffn_down',
  second: 'ffn_up',
}

export function textMetadata(shape: Shape, layout: Layout): Record<string, Value> {
  return {
    'general.architecture': 'mllama',
    'mllama.vocab_size': shape.vocabulary,
    'mllama.block_count': shape.layers,
    'mllama.context_length': 131_072,
    'mllama.embedding_length': shape.hidden,
    'mllama.feed_forward_length': shape.ffn,
    'mllama.attention.head_count': shape.heads,
    'mllama.attention.head_count_kv': shape.kvHeads,
    'mllama.attention.layer_norm_rms_epsilon': { float: 1e-5 },
    'mllama.attention.cross_attention_layers': { int: shape.cross },
    'mllama.rope.dimension_count': shape.hidden / shape.heads,
    'mllama.rope.freq_base': { float: 500_000 },
    ...(layout === 'ours' ? { 'mllama.attention.cross_qk_permuted': false } : {}),
    ...tokenizerMetadata(shape.vocabulary, layout === 'ollama' ? 'ollama' : 'ours'),
  }
}

export function visionMetadata({ vision }: Shape): Record<string, Value> {
  return {
    'mllama.vision.block_count': vision.layers,
    'mllama.vision.global.block_count': vision.globalLayers,
    'mllama.vision.intermediate_layers_indices': { int: vision.intermediate },
    'mllama.vision.embedding_length': vision.hidden,
    'mllama.vision.feed_forward_length': vision.ffn,
    'mllama.vision.attention.head_count': vision.heads,
    'mllama.vision.attention.layer_norm_epsilon': { float: 1e-5 },
    'mllama.vision.image_size': vision.imageSize,
    'mllama.vision.patch_size': vision.patchSize,
    'mllama.vision.max_num_tiles': mostTiles,
    'mllama.vision.num_channels': 3,
  }
}

export type FileParts = { metadata: Record<string, Value>; sources: Source[] }

/** One file, or text and projector. */
export function llamaVisionFiles(shape: Shape, layout: Layout): FileParts[] {
  const text = { metadata: textMetadata(shape, layout), sources: textSources(shape, layout) }
  const vision = { metadata: visionMetadata(shape), sources: visionSources(shape, layout) }
  if (layout === 'pair') {
    return [text, { ...vision, metadata: { 'general.architecture': 'mllama', ...vision.metadata } }]
  }
  return [
    {
      metadata: { ...text.metadata, ...vision.metadata },
      sources: [...text.sources, ...vision.sources],
    },
  ]
}

/** The type of a tensor in a file whose matrices are of type `matrices`. */
export function typeOf({ kind, name }: Source, matrices: TensorType): TensorType {
  if (kind === 'embedding' && name === 'token_embd.weight') return matrices
  return kind === 'matrix' ? matrices : 'f32'
}

export type Weights = (source: Source, type: TensorType) => Tensor['data']

export const tensorsOf = (
  sources: Source[],
  weights: Weights,
  type: (source: Source) => TensorType,
): Tensor[] =>
  sources.map((source) => {
    const data = weights(source, type(source))
    return { name: source.name, dims: source.dims, type: type(source), ...(data ? { data } : {}) }
  })
