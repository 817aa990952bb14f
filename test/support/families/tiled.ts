/** Families that cut a picture into tiles of one size: SmolVLM (Idefics 3), InternVL and LFM2-VL. */
import { chatMl, chatMlWith, smolVlm } from './chat-templates.ts'
import { type FamilyModel, imagenetColours, siglipColours } from './family.ts'
import { lfm2Text } from './text-lfm2.ts'
import { decoder, small } from './text-models.ts'
import { blocks, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { linear, norm, weights } from './weights.ts'

const rowsAndColumns = (most: number): string[] =>
  Array.from({ length: most }, (_, row) =>
    Array.from({ length: most }, (_, column) => `row_${row + 1}_col_${column + 1}`),
  ).flat()

/** SmolVLM2 500M. */
export const idefics3: FamilyModel = {
  name: 'smolvlm2',
  projector: 'idefics3',
  vocabulary: {
    kind: { pre: 'smollm' },
    controlTokens: [
      ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<end_of_utterance>', '<image>'],
      ...['<fake_token_around_image>', '<global-img>', ...rowsAndColumns(6).map((place) => `<${place}>`)],
    ],
    begin: '<|im_start|>',
    end: '<end_of_utterance>',
    chatTemplate: smolVlm,
  },
  text: decoder('llama'),
  vision: {
    metadata: {
      ...{ ...towerMetadata(512, 16), ...siglipColours, '.use_gelu': true },
      ...{ 'projector.scale_factor': 4, preproc_image_size: 2048 },
    },
    tensors: [
      ...[...patches(16), positions(32 ** 2), ...blocks({}), ...norm('v.post_ln', visionWidth)],
      ...linear('mm.model.fc', 16 * visionWidth, small.width, false),
    ],
  },
}

/** InternVL 3. */
export const internvl: FamilyModel = {
  name: 'internvl3',
  projector: 'internvl',
  vocabulary: {
    kind: { pre: 'qwen2' },
    controlTokens: [
      ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<img>', '</img>', '<IMG_CONTEXT>'],
      ...['<quad>', '</quad>', '<ref>', '</ref>', '<box>', '</box>'],
    ],
    end: '<|im_end|>',
    chatTemplate: chatMl(),
  },
  text: decoder('qwen2', { biases: true }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(448, 14), ...imagenetColours, '.use_gelu': true },
      ...{ 'projector.scale_factor': 2, preproc_min_tiles: 1, preproc_max_tiles: 12 },
    },
    tensors: [
      ...[...patches(14), weights('v.class_embd', [visionWidth]), positions(32 ** 2 + 1)],
      ...blocks({
        more: (layer) => [1, 2].map((number) => weights(`${layer}.ls${number}.weight`, [visionWidth])),
      }),
      ...norm('mm.model.mlp.0', 4 * visionWidth),
      ...linear('mm.model.mlp.1', 4 * visionWidth, small.width),
      ...linear('mm.model.mlp.3', small.width, small.width),
    ],
  },
}

/** LFM2-VL 1.6B. */
export const lfm2: FamilyModel = {
  name: 'lfm2-vl',
  projector: 'lfm2',
  vocabulary: {
    kind: { pre: 'lfm2' },
    controlTokens: [
      ...['<|pad|>', '<|startoftext|>', '<|endoftext|>', '<|im_start|>', '<|im_end|>'],
      ...['<image>', '<|image_start|>', '<|image_end|>', '<|img_thumbnail|>'],
      ...rowsAndColumns(10).map((place) => `<|img_${place}|>`),
    ],
    begin: '<|startoftext|>',
    end: '<|im_end|>',
    chatTemplate: chatMlWith('<image>', '{{ bos_token }}'),
  },
  text: lfm2Text,
  vision: {
    metadata: {
      ...{ ...towerMetadata(256, 16), ...siglipColours, '.use_gelu': true },
      'projector.scale_factor': 2,
    },
    tensors: [
      ...[...patches(16), positions(16 ** 2), ...blocks({}), ...norm('v.post_ln', visionWidth)],
      ...norm('mm.input_norm', 4 * visionWidth),
      ...linear('mm.1', 4 * visionWidth, small.width),
      ...linear('mm.2', small.width, small.width),
    ],
  },
}
