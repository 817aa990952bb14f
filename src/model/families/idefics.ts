/** Idefics 3 and SmolVLM. */
import { scaleFactor, tileTokens, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

export const idefics: Family = {
  projectorTypes: ['idefics3'],
  pictureCost: (header) => ({
    kind: 'edge',
    side: vision(header, 'image_size'),
    tile: tileTokens(header, scaleFactor(header, 1)),
    longestEdge: vision(header, 'preproc_image_size'),
    mostArea: 0,
  }),
}
