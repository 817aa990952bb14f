/** GLM-4V. */
import { areaCost, spatialMerge } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [8, 4096] as const

export const glm: Family = {
  projectorTypes: ['glm4v'],
  pictureTokens: tokens,
  pictureCost: (header) => areaCost(header, { merge: spatialMerge(header, 2), tokens, around: 2 }),
}
