/** Facts of a model that does not exist, for tests of what is computed from them. */
import type { ModelFacts } from '../../src/model/facts.ts'

export const someModel = (facts: Partial<ModelFacts> = {}): ModelFacts => ({
  path: '/models/tiny.gguf',
  mmprojPath: '/models/tiny-mmproj.gguf',
  description: undefined,
  architecture: 'llama',
  weightBytes: 1000,
  mmprojBytes: 1000,
  embeddingLength: 64,
  contextLength: 4096,
  kvBytesPerToken: 256,
  kvBytesPerRow: 0,
  controlTokens: [],
  projector: {
    type: 'janus_pro',
    imageSize: 128,
    patchSize: 16,
    embeddingLength: 32,
    tiling: undefined,
    rowsPerTile: undefined,
    pictureCost: undefined,
  },
  ...facts,
})
