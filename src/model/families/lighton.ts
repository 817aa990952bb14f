/** LightOnOCR: every picture is brought to one length of its longer side, unless the engine is told the most tokens. */
import { areaCost, spatialMerge, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const unbounded = [0, 0] as const

export const lighton: Family = {
  projectorTypes: ['lightonocr'],
  pictureTokens: [8, 65_536],
  pictureCost: (header) =>
    areaCost(header, {
      merge: spatialMerge(header, 1),
      around: 2,
      tokens: unbounded,
      longestEdge: vision(header, 'preproc_image_size') || vision(header, 'image_size'),
    }),
}
