/** Pixtral as in Mistral Small 3.1: a token for four patches, and one at the end of each row but the last. */
import { mistral as template } from './chat-templates.ts'
import { clipColours, type FamilyModel } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

export const pixtral: FamilyModel = {
  name: 'mistral-small-3.1',
  projector: 'pixtral',
  vocabulary: {
    kind: { pre: 'tekken' },
    controlTokens: [
      ...['<unk>', '<s>', '</s>', '[INST]', '[/INST]', '[SYSTEM_PROMPT]', '[/SYSTEM_PROMPT]'],
      ...['[AVAILABLE_TOOLS]', '[/AVAILABLE_TOOLS]', '[TOOL_CALLS]', '[IMG]', '[IMG_BREAK]', '[IMG_END]'],
    ],
    begin: '<s>',
    end: '</s>',
    chatTemplate: template,
  },
  text: decoder('llama'),
  vision: {
    metadata: { ...towerMetadata(1540, 14), ...clipColours, spatial_merge_size: 2, '.use_silu': true },
    tensors: [
      ...patches(14, { bias: false }),
      ...norm('v.pre_ln', visionWidth, false),
      ...blocks({ biases: false, normBiases: false, gate: true }),
      ...norm('mm.input_norm', visionWidth, false),
      ...linear('mm.patch_merger', 4 * visionWidth, visionWidth, false),
      ...linear('mm.1', visionWidth, small.width, false),
      ...linear('mm.2', small.width, small.width, false),
      weights('v.token_embd.img_break', [small.width]),
    ],
  },
}
