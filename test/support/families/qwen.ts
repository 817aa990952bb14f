/** Qwen2-VL, Qwen2.5-VL and Qwen3-VL: as many tokens as the picture is large, in two dimensions. */
import type { Tensor } from '../gguf.ts'
import { chatMlWith, qwen2 } from './chat-templates.ts'
import { clipColours, type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import type { Vocabulary } from './vocabulary.ts'
import { linear, norm } from './weights.ts'

const vocabulary: Vocabulary = {
  kind: { pre: 'qwen2' },
  controlTokens: [
    ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|vision_start|>', '<|vision_end|>'],
    ...['<|vision_pad|>', '<|image_pad|>', '<|video_pad|>'],
  ],
  end: '<|im_end|>',
  chatTemplate: qwen2,
}

/** Four patches become a token. */
export const merged = 4 * visionWidth
export const merger = (width: number): Tensor[] => [
  ...linear('mm.0', merged, merged),
  ...linear('mm.2', merged, width),
]
/** A patch is of two frames of a video; a picture is both. */
export const twoFrames = (size: number): Tensor[] => {
  const [patch] = patches(size, { bias: false })
  return patch ? [patch, { ...patch, name: `${patch.name}.1` }] : []
}
const sections = { 'rope.dimension_sections': { int: [4, 6, 6, 0] } }

export const qwen2vl: FamilyModel = {
  name: 'qwen2-vl',
  projector: 'qwen2vl_merger',
  vocabulary,
  text: decoder('qwen2vl', { biases: true, metadata: sections }),
  vision: {
    metadata: { ...towerMetadata(560, 14), ...clipColours, spatial_merge_size: 2 },
    tensors: [...twoFrames(14), ...blocks({}), ...norm('v.post_ln', visionWidth), ...merger(small.width)],
  },
}

export const qwen25vl: FamilyModel = {
  ...qwen2vl,
  name: 'qwen2.5-vl',
  projector: 'qwen2.5vl_merger',
  vision: {
    // Every second layer looks at the whole picture, of 2; published: every eighth, of 32.
    metadata: {
      ...{ ...towerMetadata(560, 14), ...clipColours, spatial_merge_size: 2 },
      ...{ n_wa_pattern: 2, window_size: 112, '.use_silu': true },
    },
    tensors: [
      ...twoFrames(14),
      ...blocks({ normBiases: false, gate: true }),
      ...norm('v.post_ln', visionWidth, false),
      ...merger(small.width),
    ],
  },
}

/** What the first layer saw goes into the text model's first layer too. */
const deepstack: Tensor[] = [
  ...norm('v.deepstack.0.norm', merged),
  ...linear('v.deepstack.0.fc1', merged, merged),
  ...linear('v.deepstack.0.fc2', merged, small.width),
]

export const qwen3vl: FamilyModel = {
  name: 'qwen3-vl',
  projector: 'qwen3vl_merger',
  vocabulary: {
    ...vocabulary,
    chatTemplate: chatMlWith('<|vision_start|><|image_pad|><|vision_end|>'),
  },
  text: decoder('qwen3vl', { headNorms: true, metadata: { ...sections, n_deepstack_layers: 1 } }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(768, 16), ...siglipColours, spatial_merge_size: 2, '.use_gelu': true },
      is_deepstack_layers: { flags: [true, false] },
    },
    tensors: [
      ...[...twoFrames(16), ...patches(16).slice(1), positions(48 ** 2)],
      ...blocks({ fused: true }),
      ...norm('v.post_ln', visionWidth),
      ...[...merger(small.width), ...deepstack],
    ],
  },
}
