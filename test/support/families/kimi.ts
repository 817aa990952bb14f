/** Kimi-VL and Kimi K2.5. */
import type { Tensor } from '../gguf.ts'
import { kimi as template } from './chat-templates.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import type { Vocabulary } from './vocabulary.ts'
import { linear, norm, weights } from './weights.ts'

const vocabulary = (mark: string): Vocabulary => ({
  kind: { pre: 'kimi-k2' },
  controlTokens: [
    ...['[BOS]', '[EOS]', '<|im_end|>', '<|im_user|>', '<|im_assistant|>', '<|im_system|>', '<|im_middle|>'],
    ...[mark, '<|media_content|>', '<|media_end|>', '<|media_pad|>', '[UNK]', '[PAD]'],
  ],
  end: '<|im_end|>',
  chatTemplate: template(mark),
})

const metadata = {
  ...{ ...towerMetadata(896, 14), ...siglipColours, '.use_gelu': true },
  'projector.scale_factor': 2,
}
const projector: Tensor[] = [
  ...norm('mm.input_norm', visionWidth),
  ...linear('mm.1', 4 * visionWidth, 4 * visionWidth),
  ...linear('mm.2', 4 * visionWidth, small.width),
]

export const kimivl: FamilyModel = {
  name: 'kimi-vl',
  projector: 'kimivl',
  vocabulary: vocabulary('<|media_start|>'),
  text: decoder('llama'),
  vision: {
    metadata,
    tensors: [
      ...[...patches(14), positions(64 ** 2), ...blocks({}), ...norm('v.post_ln', visionWidth)],
      ...projector,
    ],
  },
}

export const kimik25: FamilyModel = {
  name: 'kimi-k2.5',
  projector: 'kimik25',
  vocabulary: vocabulary('<|media_begin|>'),
  text: decoder('llama'),
  vision: {
    metadata: { ...metadata, image_min_pixels: 8 * 14 ** 2, image_max_pixels: 16_384 * 14 ** 2 },
    tensors: [
      ...[...patches(14), weights('v.position_embd.weight', [visionWidth, 64, 64])],
      ...[...blocks({ fused: true }), ...norm('v.post_ln', visionWidth), ...projector],
    ],
  },
}
