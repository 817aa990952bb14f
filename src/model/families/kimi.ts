/** Kimi-VL. */
import type { Family } from './family.ts'

export const kimi: Family = { projectorTypes: ['kimivl'], pictureTokens: [8, 1024] }
