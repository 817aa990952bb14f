/** Gemma 4. */
import { areaCost, scaleFactor } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [70, 1120] as const

export const gemma4: Family = {
  projectorTypes: ['gemma4v', 'gemma4uv'],
  pictureTokens: tokens,
  wholePictures: true,
  pictureCost: (header) => areaCost(header, { merge: scaleFactor(header, 3), tokens, around: 2 }),
}
