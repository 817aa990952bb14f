/** Llama 3.2 Vision: pictures in tiles, looked at by layers of their own; text and vision in one file or in two. */
import { type Header, number } from '../header.ts'
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

const vision = (header: Header, key: string): number => number(header, `${visionPrefix}.${key}`)

export const mllama: Family = {
  projectorTypes: [architecture],
  chatTemplate,
  ownFiles: {
    architecture,
    visionPrefix,
    isProjector: (header) => number(header, `${architecture}.block_count`) === 0,
    tiling: (header) => ({ side: vision(header, 'image_size'), most: vision(header, 'max_num_tiles') }),
    pictureLayers(header) {
      const layers = header.metadata.get(`${architecture}.attention.cross_attention_layers`)
      return new Set(Array.isArray(layers) ? layers.map(Number) : [])
    },
    // A tile's patches and its class row.
    rowsPerTile: (header) => (vision(header, 'image_size') / vision(header, 'patch_size')) ** 2 + 1,
  },
}
