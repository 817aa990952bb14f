/** LLaVA 1.5, of a fixed size, and 1.6, which cuts larger pictures into tiles. */
import type { Tensor } from '../gguf.ts'
import { llava as template } from './chat-templates.ts'
import { clipColours, type FamilyModel } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import type { Vocabulary } from './vocabulary.ts'
import { linear, norm, weights } from './weights.ts'

const vocabulary: Vocabulary = {
  kind: 'sentencepiece',
  controlTokens: ['<s>', '</s>', '<pad>', '<image>'],
  begin: '<s>',
  end: '</s>',
}

/** OpenAI's, of which the last layer is left out. */
export const clip: Tensor[] = [
  ...patches(14, { bias: false }),
  weights('v.class_embd', [visionWidth]),
  ...[positions(24 ** 2 + 1), ...norm('v.pre_ln', visionWidth), ...blocks({ layers: 3 })],
]
const projector = [...linear('mm.0', visionWidth, small.width), ...linear('mm.2', small.width, small.width)]
const metadata = { ...towerMetadata(336, 14, 3), ...clipColours }

export const llava15: FamilyModel = {
  name: 'llava-1.5',
  projector: 'mlp',
  vocabulary,
  text: decoder('llama'),
  vision: { metadata, tensors: [...clip, ...projector] },
}

export const llava16: FamilyModel = {
  ...llava15,
  name: 'llava-1.6',
  vocabulary: { ...vocabulary, chatTemplate: template },
  vision: {
    metadata: {
      ...metadata,
      mm_patch_merge_type: 'spatial_unpad',
      image_grid_pinpoints: { int: [336, 672, 672, 336, 672, 672, 1008, 336, 336, 1008] },
    },
    tensors: [...clip, ...projector, weights('v.image_newline', [small.width])],
  },
}
