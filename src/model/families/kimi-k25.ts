/** Kimi K2.5, whose files may bound a picture's area themselves. */
import { areaCost, hasAreas, scaleFactor } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [2, 4096] as const

export const kimiK25: Family = {
  projectorTypes: ['kimik25'],
  pictureTokens: tokens,
  pictureCost: (header) =>
    areaCost(header, {
      merge: scaleFactor(header, 1),
      around: 2,
      ...(hasAreas(header) ? {} : { tokens }),
    }),
}
