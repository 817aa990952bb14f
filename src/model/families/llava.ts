/** LLaVA 1.5, whose pictures are one square, and 1.6, whose file lists the grids of squares that there may be. */
import { type Header, type Range, wholes } from '../header.ts'
import { fixed, tileTokens, vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const sides: Range = [1, 2 ** 16]

/** Far beyond any model. */
const mostGrids = 64

/** Columns and rows, out of the sizes in pixels. */
function gridsOf(header: Header, side: number): [number, number][] {
  const sizes = wholes(header, 'clip.vision.image_grid_pinpoints', sides)?.slice(0, 2 * mostGrids) ?? []
  return Array.from({ length: Math.floor(sizes.length / 2) }, (_, index) => [
    Math.ceil((sizes[2 * index] ?? 0) / side),
    Math.ceil((sizes[2 * index + 1] ?? 0) / side),
  ])
}

export const llava: Family = {
  projectorTypes: ['mlp'],
  pictureCost: (header) => {
    const side = vision(header, 'image_size')
    const tile = tileTokens(header, 1)
    const grids = gridsOf(header, side)
    return grids.length === 0 ? fixed(tile) : { kind: 'grid', side, tile, grids, around: 0 }
  },
}
