/** Gemma 3, where every picture takes the same tokens, and Gemma 4, where they grow with it; both look at all at once. */
import { gemma3 as gemma3Template, gemma4 as gemma4Template } from './chat-templates.ts'
import { type FamilyModel, siglipColours } from './family.ts'
import { decoder, small } from './text-models.ts'
import { blocks, headWidth, patches, positions, towerMetadata, visionWidth } from './vision-tower.ts'
import { norm, weights } from './weights.ts'

export const gemma3: FamilyModel = {
  name: 'gemma-3',
  projector: 'gemma3',
  vocabulary: {
    kind: 'sentencepiece',
    controlTokens: [
      ...['<pad>', '<eos>', '<bos>', '<start_of_turn>', '<end_of_turn>'],
      ...['<start_of_image>', '<end_of_image>', '<image_soft_token>'],
    ],
    begin: '<bos>',
    end: '<end_of_turn>',
    chatTemplate: gemma3Template,
  },
  text: decoder('gemma3', {
    headNorms: true,
    postNorms: true,
    metadata: {
      'attention.sliding_window': 1024,
      'attention.sliding_window_pattern': { flags: [true, false] },
    },
  }),
  vision: {
    metadata: { ...towerMetadata(896, 14), ...siglipColours, '.use_gelu': true },
    tensors: [
      ...[...patches(14), positions(64 ** 2), ...blocks({}), ...norm('v.post_ln', visionWidth)],
      weights('mm.input_projection.weight', [small.width, visionWidth]),
      weights('mm.soft_emb_norm.weight', [visionWidth]),
    ],
  },
}

export const gemma4: FamilyModel = {
  name: 'gemma-4',
  projector: 'gemma4v',
  vocabulary: {
    kind: 'gemma4',
    controlTokens: [
      ...['<pad>', '<eos>', '<bos>', '<|turn>', '<turn|>', '<|channel>', '<channel|>', '<|think|>'],
      ...['<|image>', '<image|>', '<|image|>', '<|audio>', '<audio|>', '<|tool_call>', '<tool_call|>'],
    ],
    begin: '<bos>',
    end: '<turn|>',
    chatTemplate: gemma4Template,
  },
  text: decoder('gemma4', {
    headNorms: true,
    postNorms: true,
    metadata: {
      'attention.sliding_window': 1024,
      'attention.sliding_window_pattern': { flags: [true, false] },
      'attention.key_length_swa': small.headWidth,
      'attention.value_length_swa': small.headWidth,
      'rope.dimension_count_swa': small.headWidth,
      embedding_length_per_layer_input: 0,
    },
    // One for all layers, though each is said to have it.
    more: (layer) => (layer === 'blk.0' ? [weights('rope_freqs.weight', [small.headWidth / 2])] : []),
  }),
  vision: {
    metadata: {
      ...{ ...towerMetadata(224, 16), 'projector.scale_factor': 3, '.use_gelu': true },
      // Pixels go from 0 to 1 into the model, which does the rest.
      ...{ image_mean: { floats: [0, 0, 0] }, image_std: { floats: [1, 1, 1] } },
    },
    tensors: [
      ...patches(16, { bias: false }),
      // A column's place and a row's.
      weights('v.position_embd.weight', [visionWidth, 10_240, 2]),
      ...blocks({
        ...{ biases: false, normBiases: false, gate: true },
        more: (layer) => [
          ...['q', 'k'].flatMap((of) => norm(`${layer}.attn_${of}_norm`, headWidth, false)),
          ...['attn', 'ffn'].flatMap((part) => norm(`${layer}.${part}_post_norm`, visionWidth, false)),
        ],
      }),
      weights('mm.input_projection.weight', [visionWidth, small.width]),
    ],
  },
}

/** Gemma 4 12B, which has no tower: patches of 48 pixels go into the text model almost as they are. */
export const gemma4Unified: FamilyModel = {
  ...gemma4,
  name: 'gemma-4-unified',
  projector: 'gemma4uv',
  vision: {
    metadata: {
      ...{ ...gemma4.vision.metadata, feed_forward_length: 0, block_count: 0, 'attention.head_count': 0 },
    },
    tensors: [
      weights('v.patch_embd.weight', [3 * 48 ** 2, visionWidth]),
      weights('v.patch_embd.bias', [visionWidth]),
      weights('v.position_embd.weight', [visionWidth, 1120, 2]),
      ...norm('v.patch_norm.1', 3 * 48 ** 2),
      ...[2, 3].flatMap((number) => norm(`v.patch_norm.${number}`, visionWidth)),
      weights('mm.input_projection.weight', [visionWidth, small.width]),
    ],
  },
}
