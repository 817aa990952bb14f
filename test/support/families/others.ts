/** Families with ways of their own: HunyuanOCR, Step3-VL and Nemotron Nano VL. */
import { chatMl, hunyuan as hunyuanTemplate } from './chat-templates.ts'
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
