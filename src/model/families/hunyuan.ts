/** Hunyuan-VL: each row ends with a token of its own, and files may bound a picture's area. */
import { areaCost, hasAreas, spatialMerge } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [256, 16_384] as const

export const hunyuan: Family = {
  projectorTypes: ['hunyuanvl'],
  pictureTokens: tokens,
  pictureCost: (header) =>
    areaCost(header, {
      merge: spatialMerge(header, 2),
      perRow: 1,
      around: 4,
      ...(hasAreas(header) ? {} : { tokens }),
    }),
}
