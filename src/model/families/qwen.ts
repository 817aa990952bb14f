/** Qwen2-VL, Qwen2.5-VL and Qwen3-VL: as many tokens as the picture is large. */
import { areaCost, spatialMerge } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [8, 4096] as const

export const qwen: Family = {
  projectorTypes: ['qwen2vl_merger', 'qwen2.5vl_merger', 'qwen3vl_merger'],
  pictureTokens: tokens,
  pictureCost: (header) => areaCost(header, { merge: spatialMerge(header, 2), tokens, around: 2 }),
}
