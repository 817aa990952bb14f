/** Pictures of more than a tile become a whole view and a grid of tiles, out of those that the model knows. */
import type { Size } from './cost.ts'

export type GridCost = {
  kind: 'grid'
  /** Pixels along a tile's side, and the tokens of a tile. */
  side: number
  tile: number
  /** Columns and rows of the grids, in the engine's order. */
  grids: readonly (readonly [columns: number, rows: number])[]
  /** Tokens around the whole. */
  around: number
}

const float = Math.fround

export function gridTokens(cost: GridCost, size: Size): number {
  const { side, tile, around } = cost
  if (size.width <= side && size.height <= side) return tile + around
  const [columns, rows] = gridFor(cost, size)
  return (columns * rows + 1) * tile + around
}

/** select_best_resolution of tools/mtmd/mtmd-image.cpp: most of the picture's detail, then least that is wasted. */
function gridFor({ side, grids }: GridCost, { width, height }: Size): readonly [number, number] {
  let best = grids[0] ?? ([1, 1] as const)
  let mostDetail = 0
  let leastWasted = Number.POSITIVE_INFINITY
  for (const grid of grids) {
    const [columns, rows] = grid.map((count) => count * side) as [number, number]
    const scale = Math.min(float(columns / width), float(rows / height))
    const shown = Math.trunc(float(width * scale)) * Math.trunc(float(height * scale))
    const detail = Math.min(shown, width * height)
    const wasted = columns * rows - detail
    if (detail > mostDetail || (detail === mostDetail && wasted < leastWasted)) {
      best = grid
      mostDetail = detail
      leastWasted = wasted
    }
  }
  return best
}
