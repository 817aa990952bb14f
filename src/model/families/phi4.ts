/** Phi-4 with vision: as many tokens as the picture is large, between the bounds of its file. */
import { areaCost } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

export const phi4: Family = {
  projectorTypes: ['phi4'],
  pictureCost: (header) => areaCost(header, { merge: 1, around: 0 }),
}
