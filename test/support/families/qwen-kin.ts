/** Towers as Qwen's with a merger of 2 by 2: EXAONE 4.5, MiMo, MiniMax M3 and Youtu-VL. */
import type { Tensor } from '../gguf.ts'
import { exaone as exaoneTemplate, minimax as minimaxTemplate } from './chat-templates.ts'
import { clipColours, type FamilyModel, siglipColours } from './family.ts'
import { merged, merger, qwen2vl, qwen3vl, twoFrames } from './qwen.ts'
import { decoder, small } from './text-models.ts'
import { blocks, headWidth, patches, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

/** Both heads of queries share their keys and values. */
const sharedKeys = 1
const shared: Tensor[] = blocks({ fused: true, normBiases: false, gate: true }).map((tensor) => {
  const rows = visionWidth + 2 * sharedKeys * headWidth
  if (tensor.name.endsWith('qkv.weight')) return weights(tensor.name, [visionWidth, rows])
  return tensor.name.endsWith('qkv.bias') ? weights(tensor.name, [rows]) : tensor
})

export const exaone45: FamilyModel = {
  name: 'exaone-4.5',
  projector: 'exaone4_5',
  vocabulary: {
    kind: { pre: 'exaone4' },
    controlTokens: [
      ...['[BOS]', '<|endoftext|>', '[PAD]', '[UNK]', '[|system|]', '[|user|]', '[|assistant|]'],
      ...['[|endofturn|]', '<vision>', '</vision>', '<|image_pad|>'],
    ],
    end: '[|endofturn|]',
    chatTemplate: exaoneTemplate,
  },
  text: decoder('qwen3', { headNorms: true }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(560, 14), ...clipColours, '.use_silu': true, spatial_merge_size: 2 },
      ...{ image_min_pixels: 3136, image_max_pixels: 12_845_056, 'attention.head_count_kv': sharedKeys },
      ...{ n_wa_pattern: 2, window_size: 112 },
    },
    tensors: [
      ...[...twoFrames(14), ...shared, ...norm('v.post_ln', visionWidth, false), ...merger(small.width)],
    ],
  },
}

export const mimo: FamilyModel = {
  name: 'mimo-v2.5',
  projector: 'mimovl',
  vocabulary: qwen2vl.vocabulary,
  text: qwen2vl.text,
  vision: {
    metadata: {
      ...{ ...towerMetadata(560, 16), ...clipColours, '.use_silu': true, spatial_merge_size: 2 },
      ...{ image_min_pixels: 8192, image_max_pixels: 8_388_608, 'attention.head_count_kv': sharedKeys },
      // The whole, rows in a window, columns in a window.
      ...{ window_size: 128, wa_pattern_mode: { int: [-1, 1] } },
    },
    tensors: [
      ...[...twoFrames(16), ...shared, ...norm('v.post_ln', visionWidth)],
      ...[0, 1].map((layer) => weights(`v.blk.${layer}.attn_sinks`, [2])),
      ...linear('mm.0', merged, merged, false),
      ...linear('mm.2', merged, small.width, false),
    ],
  },
}

export const minimaxM3: FamilyModel = {
  name: 'minimax-m3',
  projector: 'minimax_m3',
  vocabulary: {
    kind: { pre: 'minimax-m2' },
    controlTokens: [
      ...[']~!b[', ']~b]', '[e~[', ']!p~[', ']<]image[>[', ']<]video[>['],
      ...[']<]start of image[>[', ']<]end of image[>[', ']!d~['],
    ],
    end: '[e~[',
    chatTemplate: minimaxTemplate,
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(672, 14), ...clipColours, '.use_gelu': true, spatial_merge_size: 2 },
    tensors: [
      ...[...twoFrames(14), ...norm('v.pre_ln', visionWidth), ...blocks({})],
      ...[...linear('mm.1', visionWidth, small.width), ...linear('mm.2', small.width, small.width)],
      ...linear('mm.merger.fc1', 4 * small.width, merged),
      ...linear('mm.merger.fc2', merged, small.width),
    ],
  },
}

export const youtu: FamilyModel = {
  name: 'youtu-vl',
  projector: 'youtuvl',
  vocabulary: { ...qwen3vl.vocabulary, kind: { pre: 'youtu' } },
  text: decoder('llama'),
  vision: {
    metadata: {
      ...{ ...towerMetadata(560, 16), ...siglipColours, '.use_gelu': true, spatial_merge_size: 2 },
      ...{ window_size: 256, wa_layer_indexes: { int: [1] } },
    },
    tensors: [
      ...[weights('v.patch_embd.weight', [3 * 16 ** 2, visionWidth]), ...patches(16).slice(1)],
      ...[...blocks({}), ...norm('v.post_ln', visionWidth), weights('mm.input_norm.weight', [visionWidth])],
      ...merger(small.width),
    ],
  },
}
