/** Phi-4 Reasoning Vision: every patch is a token, so a picture takes more of them than anywhere else. */
import { phi4 as template } from './chat-templates.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear } from './weights.ts'

export const phi4: FamilyModel = {
  name: 'phi-4-vision',
  projector: 'phi4',
  vocabulary: {
    kind: { pre: 'gpt-4o' },
    controlTokens: [
      ...['<|endoftext|>', '<|im_start|>', '<|im_sep|>', '<|im_end|>', '<|dummy_0|>'],
      ...['<|fim_prefix|>', '<|fim_middle|>', '<|fim_suffix|>', '<|image|>'],
    ],
    begin: '<|endoftext|>',
    end: '<|im_end|>',
    chatTemplate: template,
  },
  text: decoder('phi3', { gateInside: true, metadata: { 'rope.scaling.original_context_length': 32_768 } }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(256, 16), ...siglipColours, '.use_gelu': true },
      ...{ image_min_pixels: 256 * 256, image_max_pixels: 3600 * 256 },
    },
    tensors: [
      ...[...patches(16), positions(16 ** 2), ...blocks({})],
      ...linear('mm.0', visionWidth, small.width),
      ...linear('mm.2', small.width, small.width),
    ],
  },
}
