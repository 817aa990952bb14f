/** Gemma 3 and 3n: every picture takes the same number of tokens. */
import { fixed, scaleFactor, tileTokens, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const around = 2

export const gemma3: Family = {
  projectorTypes: ['gemma3', 'gemma3nv'],
  wholePictures: true,
  pictureCost: (header, type) =>
    fixed(
      around +
        (type === 'gemma3'
          ? tileTokens(header, scaleFactor(header, 4))
          : vision(header, 'image_size') / vision(header, 'patch_size')),
    ),
}
