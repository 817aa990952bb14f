/** Hunyuan-VL. */
import type { Family } from './family.ts'

export const hunyuan: Family = { projectorTypes: ['hunyuanvl'], pictureTokens: [256, 16_384] }
