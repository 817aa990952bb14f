/** InternVL: a grid of squares, up to twelve unless the file says otherwise, and the whole beside it. */
import { type Range, whole } from '../header.ts'
import { scaleFactor, tileTokens, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

/** Far beyond any model: the grids of so many are looked through for each picture. */
const tileCounts: Range = [0, 64]
const usualTiles = [1, 12] as const

/** In the engine's order (set_internvl_dhr_res_candidates of tools/mtmd/clip.cpp). */
function gridsOf(least: number, most: number): [number, number][] {
  const grids: [number, number][] = []
  for (let columns = least; columns <= most; columns += 1) {
    for (let rows = Math.max(least, Math.ceil(least / columns)); rows * columns <= most; rows += 1)
      grids.push([columns, rows])
  }
  return grids
}

export const internvl: Family = {
  projectorTypes: ['internvl'],
  pictureCost: (header) => ({
    kind: 'grid',
    side: vision(header, 'image_size'),
    tile: tileTokens(header, scaleFactor(header, 1)),
    grids: gridsOf(
      whole(header, 'clip.vision.preproc_min_tiles', tileCounts) || usualTiles[0],
      whole(header, 'clip.vision.preproc_max_tiles', tileCounts) || usualTiles[1],
    ),
    around: 2,
  }),
}
