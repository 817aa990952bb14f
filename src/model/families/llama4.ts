/** Llama 4: a grid of up to three by three squares, and the whole beside it. */
import { scaleFactor, tileTokens, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const sides = [1, 2, 3]
const grids = sides
  .flatMap((columns) => sides.map((rows) => [columns, rows] as const))
  .filter(([columns, rows]) => columns * rows > 1)

export const llama4: Family = {
  projectorTypes: ['llama4'],
  pictureCost: (header) => ({
    kind: 'grid',
    side: vision(header, 'image_size'),
    tile: tileTokens(header, scaleFactor(header, 1)),
    grids,
    around: 2,
  }),
}
