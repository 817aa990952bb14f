/** Llama 4: tiles, and a text model of experts whose layers take turns in what they look at. */
import type { Tensor } from '../gguf.ts'
import { llama4 as template } from './chat-templates.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { attention, shapeMetadata, small, type TextModel } from './text-models.ts'
import { blocks, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const { width, inner } = small
const experts = 2
/** Three with a window and one without. */
const layers = 4

const layer = (name: string): Tensor[] => [
  ...[...norm(`${name}.attn_norm`, width, false), ...attention(name, small, false)],
  ...norm(`${name}.ffn_norm`, width, false),
  weights(`${name}.ffn_gate_inp.weight`, [width, experts]),
  ...['gate', 'up'].flatMap((part) => [
    weights(`${name}.ffn_${part}_exps.weight`, [width, inner, experts]),
    weights(`${name}.ffn_${part}_shexp.weight`, [width, inner]),
  ]),
  weights(`${name}.ffn_down_exps.weight`, [inner, width, experts]),
  weights(`${name}.ffn_down_shexp.weight`, [inner, width]),
]

const text: TextModel = {
  architecture: 'llama4',
  width,
  metadata: {
    ...shapeMetadata({ ...small, layers }),
    expert_count: experts,
    expert_used_count: 1,
    expert_feed_forward_length: inner,
    interleave_moe_layer_step: 1,
  },
  tensors: [
    ...norm('output_norm', width, false),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
  ],
}

export const llama4: FamilyModel = {
  name: 'llama-4',
  projector: 'llama4',
  vocabulary: {
    kind: { pre: 'llama4' },
    controlTokens: [
      ...['<|begin_of_text|>', '<|end_of_text|>', '<|header_start|>', '<|header_end|>', '<|eom|>', '<|eot|>'],
      ...['<|step|>', '<|image_start|>', '<|image_end|>', '<|image|>', '<|patch|>'],
      ...['<|tile_x_separator|>', '<|tile_y_separator|>', '<|python_start|>', '<|python_end|>'],
    ],
    begin: '<|begin_of_text|>',
    end: '<|eot|>',
    chatTemplate: template,
  },
  text,
  vision: {
    metadata: {
      ...{ ...towerMetadata(336, 14), ...siglipColours, '.use_gelu': true },
      'projector.scale_factor': 2,
    },
    tensors: [
      weights('v.patch_embd.weight', [3 * 14 ** 2, visionWidth]),
      ...[weights('v.class_embd', [visionWidth]), positions(24 ** 2 + 1)],
      ...[...norm('v.pre_ln', visionWidth), ...blocks({}), ...norm('v.post_ln', visionWidth)],
      ...linear('mm.model.mlp.1', 4 * visionWidth, visionWidth, false),
      ...linear('mm.model.mlp.2', visionWidth, visionWidth, false),
      ...linear('mm.model.fc', visionWidth, width, false),
    ],
  },
}
