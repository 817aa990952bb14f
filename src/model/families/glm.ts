/** GLM-4V. */
import type { Family } from './family.ts'

export const glm: Family = { projectorTypes: ['glm4v'], pictureTokens: [8, 4096] }
