/** Granite Vision 4: questions about windows of what two layers saw, and the answers go into two layers of the text. */
import type { Tensor } from '../gguf.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { graniteScales, graniteVision } from './llava-kin.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const [windowSide, querySide] = [8, 4]

const projector = (number: number): Tensor[] => {
  const name = `v.proj_blk.${number}`
  const attention = (which: string) => [
    ...['q', 'k', 'v', 'out'].flatMap((part) => linear(`${name}.${which}_${part}`, visionWidth, visionWidth)),
    ...norm(`${name}.${which}_norm`, visionWidth),
  ]
  return [
    weights(`${name}.img_pos`, [visionWidth, windowSide ** 2]),
    weights(`${name}.query`, [visionWidth, querySide ** 2]),
    ...[...norm(`${name}.norm`, visionWidth), ...norm(`${name}.post_norm`, visionWidth)],
    ...[...attention('self_attn'), ...attention('cross_attn')],
    ...[...linear(`${name}.ffn_up`, visionWidth, 96), ...linear(`${name}.ffn_down`, 96, visionWidth)],
    ...[...norm(`${name}.ffn_norm`, visionWidth), ...linear(`${name}.linear`, visionWidth, small.width)],
  ]
}

export const granite4: FamilyModel = {
  name: 'granite-vision-4',
  projector: 'granite4_vision',
  vocabulary: graniteVision.vocabulary,
  text: decoder('granite', { metadata: { ...graniteScales, deepstack_mapping: { int: [-1, 1] } } }),
  vision: {
    metadata: {
      ...{ ...graniteVision.vision.metadata, ...towerMetadata(384, 16), ...siglipColours, '.use_gelu': true },
      ...{ 'projector.query_side': querySide, 'projector.window_side': windowSide },
      ...{ feature_layer: { int: [0, 1] }, 'projector.spatial_offsets': { int: [-1, 0] } },
    },
    tensors: [
      ...[...patches(16), positions(24 ** 2), ...blocks({}), ...projector(0), ...projector(1)],
      weights('v.image_newline', [small.width]),
    ],
  },
}
