/** LFM2-VL. */
import type { Family } from './family.ts'

export const lfm2: Family = { projectorTypes: ['lfm2'], pictureTokens: [64, 256] }
