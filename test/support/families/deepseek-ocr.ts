/** DeepSeek-OCR: SAM looks closely in windows, a second tower at what it found; and its successor, which asks for that. */
import type { Tensor } from '../gguf.ts'
import { clipColours, type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import type { Vocabulary } from './vocabulary.ts'
import { linear, norm, weights } from './weights.ts'

const { width } = small

/** Of SAM: the third layer is the first that looks at the whole. */
const [samWidth, samHeads, samLayers, samInner] = [32, 2, 3, 64]
const samWindow = 14
const samLayer = (layer: number): Tensor[] => {
  const name = `v.sam.blk.${layer}`
  const side = layer === samLayers - 1 ? 64 : samWindow
  return [
    ...[...norm(`${name}.pre_ln`, samWidth), ...linear(`${name}.attn.qkv`, samWidth, 3 * samWidth)],
    ...linear(`${name}.attn.out`, samWidth, samWidth),
    ...['h', 'w'].map((way) =>
      weights(`${name}.attn.pos_${way}.weight`, [samWidth / samHeads, 2 * side - 1]),
    ),
    ...[...norm(`${name}.post_ln`, samWidth), ...linear(`${name}.mlp.lin1`, samWidth, samInner)],
    ...linear(`${name}.mlp.lin2`, samInner, samWidth),
  ]
}
/** Ends at a quarter of the height and width, as wide as the second tower. */
const neck = visionWidth / 4
const sam: Tensor[] = [
  weights('v.sam.patch_embd.weight', [16, 16, 3, samWidth]),
  weights('v.sam.patch_embd.bias', [samWidth]),
  weights('v.sam.pos_embd.weight', [samWidth, 64, 64]),
  ...Array.from({ length: samLayers }, (_, layer) => samLayer(layer)).flat(),
  ...[weights('v.sam.neck.0.weight', [1, 1, samWidth, neck]), ...norm('v.sam.neck.1', neck)],
  ...[weights('v.sam.neck.2.weight', [3, 3, neck, neck]), ...norm('v.sam.neck.3', neck)],
  weights('v.sam.net_2.weight', [3, 3, neck, 2 * neck]),
  weights('v.sam.net_3.weight', [3, 3, 2 * neck, 4 * neck]),
]
const samMetadata = {
  'sam.block_count': samLayers,
  'sam.head_count': samHeads,
  'sam.embedding_length': samWidth,
  window_size: samWindow,
  preproc_min_tiles: 2,
}

/** The files have no template: the prompt alone is the text. */
const vocabulary: Vocabulary = {
  kind: { pre: 'deepseek-llm' },
  controlTokens: [
    ...['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜▁pad▁｜>', '<|User|>', '<|Assistant|>'],
    ...['<image>', '<|ref|>', '<|/ref|>', '<|det|>', '<|/det|>', '<|grounding|>'],
  ],
  begin: '<｜begin▁of▁sentence｜>',
  end: '<｜end▁of▁sentence｜>',
  chatTemplate: "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}",
}

export const deepseekOcr: FamilyModel = {
  name: 'deepseek-ocr',
  projector: 'deepseekocr',
  vocabulary,
  text: decoder('llama'),
  vision: {
    metadata: {
      ...{ ...towerMetadata(224, 14), ...clipColours, '.use_gelu': true },
      ...{ ...samMetadata, preproc_max_tiles: 9 },
    },
    tensors: [
      ...[...sam, weights('v.class_embd', [visionWidth]), positions(16 ** 2 + 1)],
      ...[...norm('v.pre_ln', visionWidth), ...blocks({ fused: true })],
      ...linear('mm.model.fc', 2 * visionWidth, width),
      ...['v.image_newline', 'v.view_seperator'].map((name) => weights(name, [width])),
    ],
  },
}

export const deepseekOcr2: FamilyModel = {
  name: 'deepseek-ocr-2',
  projector: 'deepseekocr2',
  vocabulary,
  text: decoder('llama'),
  vision: {
    metadata: {
      ...{ ...towerMetadata(1024, 16), ...siglipColours, '.use_gelu': true },
      ...{ ...samMetadata, preproc_max_tiles: 6, 'attention.head_count_kv': 2 },
    },
    tensors: [
      ...[...sam, ...blocks({ normBiases: false, gate: true }), ...norm('v.post_ln', visionWidth, false)],
      weights('v.resample_query_768.weight', [visionWidth, 144]),
      weights('v.resample_query_1024.weight', [visionWidth, 256]),
      ...[...linear('mm.model.fc', visionWidth, width), weights('v.view_seperator', [width])],
    ],
  },
}
