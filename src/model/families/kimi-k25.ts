/** Kimi K2.5. */
import type { Family } from './family.ts'

export const kimiK25: Family = { projectorTypes: ['kimik25'], pictureTokens: [2, 4096] }
