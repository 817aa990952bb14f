/** Pixtral and what Mistral made of it. */
import type { Family } from './family.ts'

export const pixtral: Family = { projectorTypes: ['pixtral'], pictureTokens: [8, 1024] }
