/** Llama 3.2 Vision: pictures in tiles, looked at by layers of their own; text and vision in one file or in two. */
import { type Header, type Range, whole, wholes } from '../header.ts'
import { ModelProblem } from '../model-problem.ts'
import type { Family } from './family.ts'

const architecture = 'mllama'
const visionPrefix = 'mllama.vision'

/**
 * The layout that it was trained with. Its files' own template adds a system message with dates, which belongs to
 * prompts without a picture, because the engine's templates do not see that there is one.
 */
const chatTemplate = [
  '{{ bos_token }}{% for message in messages %}',
  "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}",
  '{% endfor %}{% if add_generation_prompt %}',
  "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
  '{% endif %}',
].join('')

/** What the engine takes (src/models/mllama.cpp). */
const sides: Range = [1, 8192]
const tileCounts: Range = [1, 16]
const layerNumbers: Range = [1, 511]

function vision(header: Header, name: string, range: Range): number {
  const key = `${visionPrefix}.${name}`
  if (header.metadata.has(key)) return whole(header, key, range)
  throw new ModelProblem(`${header.path} is broken: it has no ${key}`)
}

const imageSize = (header: Header): number => vision(header, 'image_size', sides)

export const mllama: Family = {
  projectorTypes: [architecture],
  // The checkpoints of meta-llama/Llama-3.2-11B-Vision and 90B-Vision (config.json, torch_dtype).
  trainedInBf16: true,
  chatTemplate,
  ownFiles: {
    architecture,
    visionPrefix,
    isProjector: (header) => !header.metadata.get(`${architecture}.block_count`),
    tiling: (header) => ({ side: imageSize(header), most: vision(header, 'max_num_tiles', tileCounts) }),
    pictureLayers: (header) =>
      new Set(wholes(header, `${architecture}.attention.cross_attention_layers`, layerNumbers)),
    rowsPerTile(header) {
      const patches = imageSize(header) / vision(header, 'patch_size', sides)
      if (!Number.isInteger(patches)) {
        throw new ModelProblem(
          `${header.path} is broken: ${visionPrefix}.image_size is not a multiple of patch_size`,
        )
      }
      // A tile's patches and its class row.
      return patches ** 2 + 1
    },
  },
}
