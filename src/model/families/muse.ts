/** Muse Glimmer. */
import type { Family } from './family.ts'

export const muse: Family = { projectorTypes: ['muse-glimmer'], pictureTokens: [1, 4096] }
