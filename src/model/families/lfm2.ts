/** LFM2-VL: large pictures in tiles. */
import { areaCost, scaleFactor, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [64, 256] as const

export const lfm2: Family = {
  projectorTypes: ['lfm2'],
  pictureTokens: tokens,
  pictureCost: (header) => {
    const { align, leastArea, mostArea } = areaCost(header, {
      merge: scaleFactor(header, 1),
      tokens,
      around: 0,
    })
    return { kind: 'thumbnail', patch: vision(header, 'patch_size'), align, leastArea, mostArea }
  },
}
