/** Idefics 3 and SmolVLM: every picture is enlarged to one length of its longer side and cut into tiles, beside a whole view. */
import type { Size } from './cost.ts'
import { preservedRatio } from './preserved-ratio.ts'

export type EdgeCost = {
  kind: 'edge'
  /** Pixels along a tile's side, and the tokens of a tile. */
  side: number
  tile: number
  longestEdge: number
  /** Pixels that all tiles may have together; 0 where only the longer side counts. */
  mostArea: number
}

/** Tokens before a tile, a row's line break, and what stands around the whole view. */
const perTile = 2
const perRow = 1
const aroundWhole = 4

/** Tiles that so many tokens are enough for, one at least. */
export const tilesWithin = ({ tile }: EdgeCost, tokens: number): number =>
  Math.max(1, Math.floor((tokens - tile - aroundWhole) / (tile + perTile + perRow)))

export function edgeTokens(cost: EdgeCost, size: Size): number {
  const [columns, rows] = gridFor(cost, size)
  const { tile } = cost
  return columns * rows * (tile + perTile) + (rows - 1) * perRow + tile + aroundWhole
}

function gridFor({ side, longestEdge, mostArea }: EdgeCost, size: Size): [columns: number, rows: number] {
  const inTiles = ({ width, height }: Size): [number, number] => [
    Math.ceil(width / side),
    Math.ceil(height / side),
  ]
  // Older files do not tell the longer side.
  if (mostArea > 0 || longestEdge === 0)
    return inTiles(preservedRatio(size, { align: side, leastArea: 0, mostArea, longestEdge }))
  const ratio = size.width / size.height
  const even = (length: number): number => length + (length % 2)
  return inTiles(
    ratio >= 1
      ? { width: longestEdge, height: even(Math.trunc(longestEdge / ratio)) }
      : { width: even(Math.trunc(longestEdge * ratio)), height: longestEdge },
  )
}
