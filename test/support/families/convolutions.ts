/** Towers that are no transformers: Gemma 3n's MobileNet and Reka Edge's ConvNeXt. */
import type { Tensor } from '../gguf.ts'
import { chatMl } from './chat-templates.ts'
import { type FamilyModel, imagenetColours } from './family.ts'
import { gemma3 } from './gemma.ts'
import { decoder, small } from './text-models.ts'
import { towerMetadata, visionWidth } from './vision-tower.ts'
import { halves, linear, norm, weights } from './weights.ts'

const channels = 16
const plain = (name: string, size: number, inputs: number, outputs: number): Tensor =>
  weights(`${name}.weight`, [size, size, inputs, outputs])

/** Each stage halves the height and width. */
const inverted = (stage: number): Tensor[] => {
  const name = `v.blk.${stage}.0`
  return [
    ...[
      plain(`${name}.pw_exp.conv`, 1, channels, 2 * channels),
      ...norm(`${name}.pw_exp.bn`, 2 * channels, false),
    ],
    ...[halves(`${name}.dw_mid.conv.weight`, [5, 5, 1, 2 * channels])],
    ...norm(`${name}.dw_mid.bn`, 2 * channels, false),
    ...[
      plain(`${name}.pw_proj.conv`, 1, 2 * channels, channels),
      ...norm(`${name}.pw_proj.bn`, channels, false),
    ],
  ]
}

/** With Gemma 3's text model: what differs in Gemma 3n's has nothing to do with pictures. */
export const gemma3n: FamilyModel = {
  ...gemma3,
  name: 'gemma-3n',
  projector: 'gemma3nv',
  vision: {
    metadata: {
      // 768 pixels and 256 tokens are told by a patch size that is none.
      ...towerMetadata(768, 3),
      ...{ image_mean: { floats: [0, 0, 0] }, image_std: { floats: [1, 1, 1] } },
    },
    tensors: [
      ...[plain('v.conv_stem.conv', 3, 3, channels), ...norm('v.conv_stem.bn', channels, false)],
      ...[
        plain('v.blk.0.0.conv_exp', 3, channels, 2 * channels),
        ...norm('v.blk.0.0.bn1', 2 * channels, false),
      ],
      ...[plain('v.blk.0.0.conv_pwl', 1, 2 * channels, channels), ...norm('v.blk.0.0.bn2', channels, false)],
      ...[1, 2, 3].flatMap(inverted),
      plain('v.msfa.ffn.pw_exp.conv', 1, 2 * channels, visionWidth),
      plain('v.msfa.ffn.pw_proj.conv', 1, visionWidth, visionWidth),
      weights('v.msfa.norm.weight', [visionWidth]),
      weights('mm.input_projection.weight', [visionWidth, small.width]),
      weights('mm.soft_emb_norm.weight', [visionWidth]),
    ],
  },
}

const neighbours = (stage: number, width: number): Tensor[] => {
  const name = `v.stage.${stage}.blk.0`
  return [
    ...[halves(`${name}.dw.weight`, [7, 7, 1, width]), weights(`${name}.dw.bias`, [width])],
    ...[...norm(`${name}.ln`, width), ...linear(`${name}.pw1`, width, 4 * width)],
    ...[...norm(`${name}.grn`, 4 * width), ...linear(`${name}.pw2`, 4 * width, width)],
  ]
}
const halved = (stage: number, inputs: number, outputs: number): Tensor[] => [
  ...[...norm(`v.stage.${stage}.down.ln`, inputs), plain(`v.stage.${stage}.down.conv`, 2, inputs, outputs)],
  weights(`v.stage.${stage}.down.conv.bias`, [outputs]),
]

export const rekaEdge: FamilyModel = {
  name: 'reka-edge',
  projector: 'yasa2',
  vocabulary: {
    kind: { pre: 'gpt-2' },
    controlTokens: [
      '<|endoftext|>',
      '<|im_start|>',
      '<|im_end|>',
      '<sep>',
      '<image>',
      '</image>',
      '<REKA_IMG_TOKEN>',
    ],
    end: '<sep>',
    chatTemplate: chatMl(),
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(512, 4, 0), ...imagenetColours },
    tensors: [
      ...[plain('v.patch_embd', 4, 3, 8), weights('v.patch_embd.bias', [8]), ...norm('v.patch_ln', 8)],
      ...[...neighbours(0, 8), ...halved(1, 8, 16), ...neighbours(1, 16), ...halved(2, 16, 32)],
      ...[...neighbours(2, 32), ...halved(3, 32, visionWidth), ...neighbours(3, visionWidth)],
      ...[...norm('v.backbone_ln', visionWidth), weights('v.vision_pos_embed', [visionWidth, 16 ** 2])],
      ...[...linear('mm.0', visionWidth, small.width), ...linear('mm.2', small.width, small.width)],
    ],
  },
}
