/** DeepSeek V4. */
import type { Family } from './family.ts'

export const deepseek: Family = { projectorTypes: ['deepseek4v'], wholePictures: true }
