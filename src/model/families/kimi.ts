/** Kimi-VL. */
import { areaCost, scaleFactor } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [8, 1024] as const

export const kimi: Family = {
  projectorTypes: ['kimivl'],
  pictureTokens: tokens,
  pictureCost: (header) => areaCost(header, { merge: scaleFactor(header, 1), tokens, around: 2 }),
}
