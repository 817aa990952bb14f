/** Qwen2-VL, Qwen2.5-VL and Qwen3-VL: as many tokens as the picture is large. */
import type { Family } from './family.ts'

export const qwen: Family = {
  projectorTypes: ['qwen2vl_merger', 'qwen2.5vl_merger', 'qwen3vl_merger'],
  pictureTokens: [8, 4096],
}
