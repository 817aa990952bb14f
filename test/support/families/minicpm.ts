/** MiniCPM-V 2.6, where 64 questions about each slice are its tokens, and 4.6, where neighbours are merged twice. */
import type { Tensor } from '../gguf.ts'
import { chatMl } from './chat-templates.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import type { Vocabulary } from './vocabulary.ts'
import { linear, norm, weights } from './weights.ts'

const vocabulary: Vocabulary = {
  kind: { pre: 'qwen2' },
  controlTokens: [
    ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<image>', '</image>', '<slice>', '</slice>'],
    ...['<image_id>', '</image_id>', '<unk>', '<ref>', '</ref>', '<box>', '</box>'],
  ],
  end: '<|im_end|>',
  chatTemplate: chatMl(),
}
const metadata = { ...towerMetadata(448, 14), ...siglipColours, '.use_gelu': true }
const tower: Tensor[] = [
  ...[...patches(14), positions(70 ** 2), ...blocks({}), ...norm('v.post_ln', visionWidth)],
]

/** The resampler's heads are 128 wide, and it is as wide as the text model. */
const wide = 128

export const minicpm26: FamilyModel = {
  name: 'minicpm-v-2.6',
  projector: 'resampler',
  vocabulary,
  text: decoder('qwen2', { biases: true, width: wide, headWidth: 64 }),
  vision: {
    metadata: { ...metadata, '.minicpmv_version': { signed: 3 }, '.minicpmv_query_num': 64 },
    tensors: [
      ...tower,
      weights('resampler.pos_embed_k', [wide, 70 ** 2]),
      weights('resampler.query', [wide, 64]),
      weights('resampler.proj.weight', [wide, wide]),
      weights('resampler.kv.weight', [visionWidth, wide]),
      ...['q', 'k', 'v', 'out'].flatMap((part) => linear(`resampler.attn.${part}`, wide, wide)),
      ...['q', 'kv', 'post'].flatMap((part) => norm(`resampler.ln_${part}`, wide)),
    ],
  },
}

const four = 4 * visionWidth

export const minicpm46: FamilyModel = {
  name: 'minicpm-v-4.6',
  projector: 'minicpmv4_6',
  vocabulary,
  text: decoder('qwen3', { headNorms: true }),
  vision: {
    metadata: { ...metadata, 'projector.scale_factor': 4, wa_layer_indexes: { int: [0] } },
    tensors: [
      ...tower,
      ...norm('v.vit_merger.ln1', visionWidth),
      ...['attn_q', 'attn_k', 'attn_v', 'attn_out'].flatMap((part) =>
        linear(`v.vit_merger.${part}`, visionWidth, visionWidth),
      ),
      ...[...norm('v.vit_merger.ds_ln', four), ...linear('v.vit_merger.ds_ffn_up', four, four)],
      ...linear('v.vit_merger.ds_ffn_down', four, visionWidth),
      ...[...norm('mm.input_norm', four), ...linear('mm.up', four, four)],
      ...linear('mm.down', four, small.width),
    ],
  },
}
