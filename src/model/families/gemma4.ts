/** Gemma 4. */
import type { Family } from './family.ts'

export const gemma4: Family = {
  projectorTypes: ['gemma4v', 'gemma4uv'],
  pictureTokens: [70, 1120],
  wholePictures: true,
}
