/** Gemma 3 and 3n: every picture takes the same number of tokens. */
import type { Family } from './family.ts'

export const gemma3: Family = { projectorTypes: ['gemma3', 'gemma3nv'], wholePictures: true }
