/** Families with ways of their own: HunyuanOCR, Step3-VL, Nemotron Nano VL, Muse Glimmer and DeepSeek V4. */
import {
  chatMl,
  deepseek as deepseekTemplate,
  hunyuan as hunyuanTemplate,
  muse as museTemplate,
} from './chat-templates.ts'
import { clipColours, type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const { width } = small
const [twice, four] = [2 * visionWidth, 4 * visionWidth]
const placeHolder = (number: number) => `<｜hy_place▁holder▁no▁${number}｜>`

/** A token ends each row, and two enclose the picture. */
export const hunyuanOcr: FamilyModel = {
  name: 'hunyuanocr',
  projector: 'hunyuanvl',
  vocabulary: {
    kind: { pre: 'hunyuan-dense' },
    controlTokens: [
      ...['<｜hy_begin▁of▁sentence｜>', '<｜hy_end▁of▁sentence｜>', '<｜hy_User｜>', '<｜hy_Assistant｜>'],
      ...[2, 3, 100, 101, 102].map(placeHolder),
    ],
    end: placeHolder(2),
    chatTemplate: hunyuanTemplate,
  },
  text: decoder('hunyuan_vl', {
    headNorms: true,
    metadata: { 'rope.dimension_sections': { int: [4, 4, 4, 4] } },
  }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(2048, 16), ...clipColours, spatial_merge_size: 2 },
      ...{ image_min_pixels: 512 ** 2, image_max_pixels: 2048 ** 2 },
    },
    tensors: [
      ...[...patches(16), positions(128 ** 2), ...blocks({}), ...norm('mm.pre_norm', visionWidth, false)],
      ...[weights('mm.0.weight', [2, 2, visionWidth, twice]), weights('mm.0.bias', [twice])],
      ...[weights('mm.2.weight', [1, 1, twice, four]), weights('mm.2.bias', [four])],
      ...[weights('v.image_newline', [four]), ...linear('mm.model.fc', four, width)],
      ...['mm.image_begin', 'mm.image_end'].map((name) => weights(name, [width])),
      ...norm('mm.post_norm', width, false),
    ],
  },
}

/** Windows on the picture, and the whole of it after them. */
export const step3: FamilyModel = {
  name: 'step3-vl',
  projector: 'step3vl',
  vocabulary: {
    kind: { pre: 'qwen2' },
    controlTokens: [
      ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<im_start>', '<im_end>', '<im_patch>'],
      ...['<patch_start>', '<patch_end>', '<patch_newline>'],
    ],
    end: '<|im_end|>',
    chatTemplate: chatMl(),
  },
  text: decoder('qwen3', { headNorms: true }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(728, 14), ...clipColours },
      ...{ 'projector.scale_factor': 4, preproc_image_size: 3024 },
    },
    tensors: [
      ...[...patches(14, { bias: false }), positions(52 ** 2), ...norm('v.pre_ln', visionWidth)],
      ...blocks({
        fused: true,
        more: (layer) => [1, 2].map((number) => weights(`${layer}.ls${number}.weight`, [visionWidth])),
      }),
      ...[weights('mm.0.weight', [3, 3, visionWidth, twice]), weights('mm.0.bias', [twice])],
      ...[weights('mm.1.weight', [3, 3, twice, four]), weights('mm.1.bias', [four])],
      ...linear('mm.model.fc', four, width, false),
    ],
  },
}

export const nemotron: FamilyModel = {
  name: 'nemotron-nano-v2-vl',
  projector: 'nemotron_v2_vl',
  vocabulary: {
    kind: { pre: 'pixtral' },
    controlTokens: ['<unk>', '<s>', '</s>', '<|im_start|>', '<|im_end|>', '<image>', '<img>', '</img>'],
    begin: '<s>',
    end: '<|im_end|>',
    chatTemplate: chatMl(),
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(512, 16), ...siglipColours, '.use_gelu': true, 'projector.scale_factor': 2 },
    tensors: [
      ...[...patches(16, { bias: false }), weights('v.class_embd', [visionWidth, 10]), positions(32 ** 2)],
      ...[...blocks({ fused: true }), ...norm('mm.model.mlp.0', four, false)],
      ...[...linear('mm.model.mlp.1', four, four, false), ...linear('mm.model.mlp.3', four, width, false)],
    ],
  },
}

/** Three layers look at windows of 32 patches a side, and the fourth at the whole. */
export const muse: FamilyModel = {
  name: 'muse-glimmer',
  projector: 'muse-glimmer',
  vocabulary: {
    kind: { pre: 'llama4' },
    controlTokens: [
      ...['<|begin_of_text|>', '<|end_of_text|>', '<|start|>', '<|message|>', '<|eom|>', '<|eot|>'],
      ...['<|image_start|>', '<|image_end|>', '<|patch|>', '<|video|>'],
    ],
    begin: '<|begin_of_text|>',
    end: '<|eot|>',
    chatTemplate: museTemplate,
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(896, 14), ...siglipColours, spatial_merge_size: 2 },
    tensors: [
      ...[...patches(14), positions(32 ** 2), ...norm('v.pre_ln', visionWidth), ...blocks({})],
      ...[...norm('v.post_ln', visionWidth), ...linear('mm.0', four, four, false)],
      ...[...linear('mm.1', four, four, false), ...linear('mm.2', four, width, false)],
    ],
  },
}

/** Marks are no tokens: what stands for them is learned, and rows come in pairs. */
export const deepseek4: FamilyModel = {
  name: 'deepseek-v4',
  projector: 'deepseek4v',
  vocabulary: {
    kind: { pre: 'deepseek-v3' },
    controlTokens: [
      ...['<｜begin▁of▁sentence｜>', '<｜end▁of▁sentence｜>', '<｜▁pad▁｜>', '<｜User｜>', '<｜Assistant｜>'],
      ...['<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>'],
    ],
    begin: '<｜begin▁of▁sentence｜>',
    end: '<｜end▁of▁sentence｜>',
    chatTemplate: deepseekTemplate,
  },
  text: decoder('llama'),
  vision: {
    metadata: {
      ...{ ...towerMetadata(14 * 3 * 16, 14), ...siglipColours, '.use_silu': true },
      ...{ 'projector.scale_factor': 3, image_min_pixels: 147_456 },
    },
    tensors: [
      ...[...patches(14), ...blocks({ fused: true, biases: false, normBiases: false, gate: true })],
      ...[...norm('v.post_ln', visionWidth, false), ...linear('mm.1', 9 * visionWidth, four)],
      ...linear('mm.2', four, width),
      ...['img_start', 'img_end', 'img_pad'].map((mark) => weights(`v.token_embd.${mark}`, [width])),
      weights('v.image_newline', [width]),
    ],
  },
}
