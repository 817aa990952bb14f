/** Youtu-VL. */
import type { Family } from './family.ts'

export const youtu: Family = { projectorTypes: ['youtuvl'], pictureTokens: [1, 62_500] }
