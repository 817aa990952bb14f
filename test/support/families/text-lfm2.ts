/** LFM2's text model: a layer of convolution, which keeps a state in place of keys and values, and one of attention. */
import type { Tensor } from '../gguf.ts'
import { attention, feedForward, shapeMetadata, small, type TextModel } from './text-models.ts'
import { linear, norm, weights } from './weights.ts'

const { width } = small
const kernel = 3

const layer = (name: string, inner: Tensor[]): Tensor[] => [
  ...[...norm(`${name}.attn_norm`, width, false), ...inner],
  ...[...norm(`${name}.ffn_norm`, width, false), ...feedForward(name, small)],
]

export const lfm2Text: TextModel = {
  architecture: 'lfm2',
  width,
  metadata: {
    ...shapeMetadata(small),
    'attention.head_count_kv': { int: [0, small.keyHeads] },
    'shortconv.l_cache': kernel,
  },
  tensors: [
    ...norm('token_embd_norm', width, false),
    ...layer('blk.0', [
      weights('blk.0.shortconv.conv.weight', [kernel, width]),
      ...linear('blk.0.shortconv.in_proj', width, 3 * width, false),
      ...linear('blk.0.shortconv.out_proj', width, width, false),
    ]),
    ...layer('blk.1', [
      ...attention('blk.1', small, false),
      ...['q', 'k'].flatMap((of) => norm(`blk.1.attn_${of}_norm`, small.headWidth, false)),
    ]),
  ],
}
