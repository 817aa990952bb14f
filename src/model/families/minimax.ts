/** MiniMax M3. */
import { areaCost, spatialMerge } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [8, 576] as const

export const minimax: Family = {
  projectorTypes: ['minimax_m3'],
  pictureTokens: tokens,
  pictureCost: (header) => areaCost(header, { merge: spatialMerge(header, 2), tokens, around: 2 }),
}
