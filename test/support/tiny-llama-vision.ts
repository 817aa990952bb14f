/** Random models of the mllama architecture, small enough to be written for every test. */
import { join } from 'node:path'
import { writeGguf } from './gguf.ts'
import { hashedWeights } from './hashed-weights.ts'
import { type Layout, llamaVisionFiles, type Shape, tensorsOf, type Weights } from './llama-vision.ts'

/** The size that the reference vectors are for. */
export const smallShape: Shape = {
  vocabulary: 512,
  hidden: 128,
  heads: 2,
  kvHeads: 1,
  ffn: 256,
  layers: 5,
  cross: [1, 3],
  vision: {
    hidden: 64,
    heads: 4,
    ffn: 128,
    layers: 5,
    globalLayers: 2,
    imageSize: 56,
    patchSize: 14,
    intermediate: [1, 2, 4],
  },
}

/** The smallest whose rows K-quants can take. */
export const quantizableShape: Shape = {
  ...smallShape,
  hidden: 256,
  heads: 4,
  kvHeads: 2,
  layers: 3,
  cross: [1],
  vision: { ...smallShape.vision, hidden: 256, ffn: 256, layers: 2, globalLayers: 1, intermediate: [1] },
}

/** Its pictures take the engine a second or so: time to give one up in the middle. */
export const slowShape: Shape = {
  ...smallShape,
  vision: { ...smallShape.vision, layers: 16, imageSize: 280 },
}

/** Written into the folder; the options that have llama-server load it. */
export function writeTinyModel(
  folder: string,
  layout: Layout,
  shape = smallShape,
  weights: Weights = hashedWeights,
): string[] {
  const paths = llamaVisionFiles(shape, layout).map(({ metadata, sources }, index) => {
    const path = join(folder, `${layout}${index === 0 ? '' : '-mmproj'}.gguf`)
    writeGguf(
      path,
      metadata,
      tensorsOf(sources, weights, () => 'f32'),
    )
    return path
  })
  const [model = '', mmproj] = paths
  return mmproj ? ['--model', model, '--mmproj', mmproj] : ['--model', model]
}

/** Everything in 32 bits, so that a difference is a fault. */
export const precise = ['--flash-attn', 'off', '--cache-type-k', 'f32', '--cache-type-v', 'f32']
