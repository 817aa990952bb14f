/** CogVLM: a picture's tokens go through matrices of their own in the text model. */
import type { Tensor } from '../gguf.ts'
import { clipColours, type FamilyModel } from './family.ts'
import { feedForward, shapeMetadata, small, type TextModel } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const { width, inner, heads, headWidth } = small

const layer = (name: string): Tensor[] => [
  ...norm(`${name}.attn_norm`, width, false),
  ...['attn', 'vis_attn'].flatMap((part) => [
    weights(`${name}.${part}_qkv.weight`, [width, 3 * heads * headWidth]),
    weights(`${name}.${part}_output.weight`, [heads * headWidth, width]),
  ]),
  ...[...norm(`${name}.ffn_norm`, width, false), ...feedForward(name, small)],
  ...['gate', 'up'].map((part) => weights(`${name}.vis_${part}.weight`, [width, inner])),
  weights(`${name}.vis_down.weight`, [inner, width]),
]

const text: TextModel = {
  architecture: 'cogvlm',
  width,
  metadata: shapeMetadata({ ...small, keyHeads: heads }),
  tensors: [...norm('output_norm', width, false), ...layer('blk.0'), ...layer('blk.1')],
}

export const cogvlm: FamilyModel = {
  name: 'cogvlm',
  projector: 'cogvlm',
  vocabulary: { kind: 'sentencepiece', controlTokens: ['<s>', '</s>'], begin: '<s>', end: '</s>' },
  text,
  vision: {
    metadata: { ...towerMetadata(490, 14), ...clipColours, '.use_gelu': true },
    tensors: [
      ...[...patches(14), weights('v.class_embd', [visionWidth]), positions(35 ** 2 + 1)],
      ...blocks({ fused: true }),
      ...[...linear('mm.model.fc', visionWidth, width, false), ...norm('mm.post_fc_norm', width)],
      ...['up', 'gate'].flatMap((part) => linear(`mm.${part}`, width, inner, false)),
      ...[...linear('mm.down', inner, width, false), weights('v.boi', [width]), weights('v.eoi', [width])],
    ],
  },
}
