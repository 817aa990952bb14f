/** GLM-4.1V. */
import { glm4v as template } from './chat-templates.ts'
import { clipColours, type FamilyModel } from './family.ts'
import { twoFrames } from './qwen.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const { width } = small

export const glm4v: FamilyModel = {
  name: 'glm-4.1v',
  projector: 'glm4v',
  vocabulary: {
    kind: { pre: 'glm4' },
    controlTokens: [
      ...['<|endoftext|>', '[MASK]', '[gMASK]', '[sMASK]', '<sop>', '<eop>', '<|system|>', '<|user|>'],
      ...['<|assistant|>', '<|observation|>', '<|begin_of_image|>', '<|end_of_image|>', '<|image|>'],
      ...['<|begin_of_video|>', '<|end_of_video|>', '<|video|>'],
    ],
    end: '<|user|>',
    chatTemplate: template,
  },
  text: decoder('glm4', {
    gateInside: true,
    postNorms: true,
    // Half of a head turns with the place.
    metadata: { 'rope.dimension_count': 16, 'rope.dimension_sections': { int: [2, 3, 3, 0] } },
  }),
  vision: {
    metadata: { ...towerMetadata(336, 14), ...clipColours, '.use_silu': true, spatial_merge_size: 2 },
    tensors: [
      ...[...twoFrames(14), ...patches(14).slice(1), ...norm('v.norm_embd', visionWidth, false)],
      ...[positions(24 ** 2), ...blocks({ fused: true, biases: false, normBiases: false, gate: true })],
      ...norm('v.post_ln', visionWidth, false),
      weights('mm.patch_merger.weight', [2, 2, visionWidth, width]),
      weights('mm.patch_merger.bias', [width]),
      ...[...linear('mm.model.fc', width, width, false), ...norm('mm.post_norm', width)],
      ...['up', 'gate'].flatMap((part) => linear(`mm.${part}`, width, small.inner, false)),
      ...linear('mm.down', small.inner, width, false),
    ],
  },
}
