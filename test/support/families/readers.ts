/** Models that read documents: PaddleOCR-VL, LightOnOCR, dots.ocr and its successor. */
import { chatMlWith, dots, paddle } from './chat-templates.ts'
import { clipColours, type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const merged = 4 * visionWidth

export const paddleocr: FamilyModel = {
  name: 'paddleocr-vl',
  projector: 'paddleocr',
  vocabulary: {
    kind: { pre: 'default' },
    controlTokens: [
      ...['<unk>', '<s>', '</s>', '<|begin_of_sentence|>', '<|end_of_sentence|>'],
      ...['<|IMAGE_PLACEHOLDER|>', '<|IMAGE_START|>', '<|IMAGE_END|>'],
    ],
    end: '</s>',
    chatTemplate: paddle,
  },
  text: decoder('paddleocr', { metadata: { 'rope.dimension_sections': { int: [4, 6, 6, 0] } } }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(384, 14), ...siglipColours, '.use_gelu': true },
      ...{ image_min_pixels: 147_384, image_max_pixels: 2_822_400, 'projector.scale_factor': 2 },
    },
    tensors: [
      ...[...patches(14), positions(27 ** 2), ...blocks({}), ...norm('v.post_ln', visionWidth)],
      ...[...norm('mm.input_norm', visionWidth), ...linear('mm.1', merged, merged)],
      ...linear('mm.2', merged, small.width),
    ],
  },
}

/** One layer: a picture has twelve thousand patches. */
export const lightonocr: FamilyModel = {
  name: 'lightonocr',
  projector: 'lightonocr',
  vocabulary: {
    kind: { pre: 'qwen2' },
    controlTokens: ['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|image_pad|>', '<|vision_pad|>'],
    end: '<|im_end|>',
    chatTemplate: chatMlWith('<|image_pad|>'),
  },
  text: decoder('qwen3', { headNorms: true }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(1540, 14, 1), ...clipColours, '.use_silu': true },
      ...{ spatial_merge_size: 2, preproc_image_size: 1540 },
    },
    tensors: [
      ...[...patches(14, { bias: false }), ...norm('v.pre_ln', visionWidth, false)],
      ...blocks({ layers: 1, biases: false, normBiases: false, gate: true }),
      ...norm('mm.input_norm', visionWidth, false),
      ...linear('mm.patch_merger', merged, visionWidth, false),
      ...linear('mm.1', visionWidth, small.width, false),
      ...linear('mm.2', small.width, small.width, false),
    ],
  },
}

export const dotsOcr: FamilyModel = {
  name: 'dots.ocr',
  projector: 'dots_ocr',
  vocabulary: {
    kind: { pre: 'qwen2' },
    controlTokens: [
      ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|img|>', '<|imgpad|>', '<|endofimg|>'],
      ...['system', 'user', 'assistant'].flatMap((role) => [`<|${role}|>`, `<|endof${role}|>`]),
    ],
    end: '<|endofassistant|>',
    chatTemplate: dots,
  },
  text: decoder('qwen2', { biases: true }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(0, 14), ...clipColours, '.use_silu': true },
      ...{ image_min_pixels: 3136, image_max_pixels: 11_289_600, 'projector.scale_factor': 2 },
    },
    tensors: [
      ...[...patches(14), ...norm('v.pre_ln', visionWidth, false)],
      ...blocks({ fused: true, biases: false, normBiases: false, gate: true }),
      ...[...norm('mm.post_norm', visionWidth, false), ...norm('mm.input_norm', visionWidth)],
      ...[...linear('mm.0', merged, merged), ...linear('mm.2', merged, small.width)],
    ],
  },
}

const [experts, expertInner] = [4, 32]

/** The second layer has experts. The limits of its pictures are those of dots.ocr, for want of its own. */
export const dots3: FamilyModel = {
  ...dotsOcr,
  name: 'dots3-note',
  projector: 'dots3note_v',
  vision: {
    metadata: { ...dotsOcr.vision.metadata, spatial_merge_size: 2, expert_used_count: 2 },
    tensors: [
      ...dotsOcr.vision.tensors.filter(({ name }) => !name.startsWith('v.blk.1.ffn')),
      weights('v.blk.1.ffn_gate_inp.weight', [visionWidth, experts]),
      ...['gate', 'up'].map((part) =>
        weights(`v.blk.1.ffn_${part}_exps.weight`, [visionWidth, expertInner, experts]),
      ),
      weights('v.blk.1.ffn_down_exps.weight', [expertInner, visionWidth, experts]),
      weights('v.blk.1.exp_probs_b.weight', [experts]),
    ],
  },
}
