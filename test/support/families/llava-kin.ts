/** What came of LLaVA: Granite Vision 3, both MobileVLMs, GLM-Edge-V and Janus Pro. */
import type { Tensor } from '../gguf.ts'
import {
  glmEdge as glmEdgeTemplate,
  granite as graniteTemplate,
  janus as janusTemplate,
} from './chat-templates.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { clip, llava15 } from './llava.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { halves, linear, norm, weights } from './weights.ts'

const { width } = small
const siglip = (patch: number, perSide: number, layers = 2): Tensor[] => [
  ...[...patches(patch), positions(perSide ** 2), ...blocks({ layers }), ...norm('v.post_ln', visionWidth)],
]
/** Every shape of up to ten tiles that Granite was trained with. */
const tiles = Array.from({ length: 10 }, (_, across) =>
  Array.from({ length: 10 }, (_, down) => [384 * (across + 1), 384 * (down + 1)]),
)
  .flat()
  .filter(([across = 0, down = 0]) => (across / 384) * (down / 384) <= 10)

export const graniteScales = {
  ...{ logit_scale: { float: 8 }, residual_scale: { float: 0.22 }, embedding_scale: { float: 12 } },
  'attention.scale': { float: 1 / 64 },
}

/** Looks at what several layers saw. */
export const graniteVision: FamilyModel = {
  name: 'granite-vision-3.2',
  projector: 'mlp',
  vocabulary: {
    kind: { pre: 'refact' },
    controlTokens: ['<|end_of_text|>', '<|start_of_role|>', '<|end_of_role|>', '<|tool_call|>', '<image>'],
    end: '<|end_of_text|>',
    chatTemplate: graniteTemplate,
  },
  text: decoder('granite', { metadata: graniteScales }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(384, 14, 3), ...siglipColours, '.use_gelu': true },
      ...{ mm_patch_merge_type: 'spatial_unpad', feature_layer: { int: [1, 2, 3] } },
      image_grid_pinpoints: { int: tiles.flat() },
    },
    tensors: [
      ...siglip(14, 27, 3),
      ...linear('mm.0', 3 * visionWidth, width),
      ...linear('mm.2', width, width),
      weights('v.image_newline', [width]),
    ],
  },
}

/** A convolution over neighbours, squeezed and weighed by channel. */
const mobileBlock = (number: number): Tensor[] => {
  const block = `mm.model.mb_block.${number}.block`
  return [
    ...[halves(`${block}.0.0.weight`, [3, 3, 1, width]), ...norm(`${block}.0.1`, width)],
    ...linear(`${block}.1.fc1`, width, width / 4),
    ...linear(`${block}.1.fc2`, width / 4, width),
    ...[weights(`${block}.2.0.weight`, [width, width]), ...norm(`${block}.2.1`, width)],
  ]
}

export const mobileVlm: FamilyModel = {
  ...llava15,
  name: 'mobilevlm',
  projector: 'ldp',
  vision: {
    metadata: llava15.vision.metadata,
    tensors: [
      ...[
        ...clip,
        ...linear('mm.model.mlp.1', visionWidth, width),
        ...linear('mm.model.mlp.3', width, width),
      ],
      ...[...mobileBlock(1), ...mobileBlock(2)],
    ],
  },
}

export const mobileVlm2: FamilyModel = {
  ...llava15,
  name: 'mobilevlm-v2',
  projector: 'ldpv2',
  vision: {
    metadata: llava15.vision.metadata,
    tensors: [
      ...[
        ...clip,
        ...linear('mm.model.mlp.0', visionWidth, width),
        ...linear('mm.model.mlp.2', width, width),
      ],
      ...[halves('mm.model.peg.0.weight', [3, 3, 1, width]), weights('mm.model.peg.0.bias', [width])],
    ],
  },
}

export const glmEdge: FamilyModel = {
  name: 'glm-edge-v',
  projector: 'adapter',
  vocabulary: {
    kind: { pre: 'chatglm-bpe' },
    controlTokens: [
      ...['<|endoftext|>', '[MASK]', '[gMASK]', '[sMASK]', '<sop>', '<eop>', '<|system|>', '<|user|>'],
      ...['<|assistant|>', '<|observation|>', '<|begin_of_image|>', '<|end_of_image|>'],
    ],
    end: '<|user|>',
    chatTemplate: glmEdgeTemplate,
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(672, 14), ...siglipColours, '.use_gelu': true },
    tensors: [
      ...siglip(14, 48),
      weights('adapter.conv.weight', [2, 2, visionWidth, width]),
      weights('adapter.conv.bias', [width]),
      ...[weights('adapter.linear.linear.weight', [width, width]), ...norm('adapter.linear.norm1', width)],
      ...['dense_h_to_4h', 'gate'].map((part) =>
        weights(`adapter.linear.${part}.weight`, [width, small.inner]),
      ),
      weights('adapter.linear.dense_4h_to_h.weight', [small.inner, width]),
      ...['boi', 'eoi'].map((mark) => weights(`adapter.${mark}`, [width])),
    ],
  },
}

export const januspro: FamilyModel = {
  name: 'janus-pro',
  projector: 'janus_pro',
  vocabulary: {
    kind: { pre: 'deepseek-llm' },
    controlTokens: [
      ...['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜▁pad▁｜>', '<|User|>', '<|Assistant|>'],
      ...['<image_placeholder>', '<begin_of_image>', '<end_of_image>'],
    ],
    begin: '<｜begin▁of▁sentence｜>',
    end: '<｜end▁of▁sentence｜>',
    chatTemplate: janusTemplate,
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(384, 16), ...siglipColours, '.use_gelu': true },
    tensors: [...siglip(16, 24), ...linear('mm.0', visionWidth, width), ...linear('mm.1', width, width)],
  },
}
