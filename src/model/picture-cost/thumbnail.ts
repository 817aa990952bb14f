/** LFM2-VL: a small picture as it is, a large one in tiles of one size with a thumbnail of the whole. */
import type { Size } from './cost.ts'
import { type Bounds, preservedRatio } from './preserved-ratio.ts'

export type ThumbnailCost = Bounds & {
  kind: 'thumbnail'
  /** Pixels along a patch. */
  patch: number
}

/** Of tools/mtmd/mtmd-image.h (mtmd_image_preprocessor_lfm2). */
const tileSide = 512
const leastTiles = 2
const mostTiles = 10
const tolerance = 2
/** Tokens around the picture, before a tile, and before the thumbnail. */
const around = 2
const perTile = 1
const beforeThumbnail = 1

const float = Math.fround

export function thumbnailTokens(cost: ThumbnailCost, size: Size): number {
  const { align } = cost
  const { width, height } = preservedRatio(size, cost)
  const whole = Math.ceil(width / align) * Math.ceil(height / align)
  if (!isTiled(cost, size)) return whole + around
  const [columns, rows] = gridFor(size)
  const tile = Math.ceil(tileSide / align) ** 2
  return columns * rows * (tile + perTile) + whole + beforeThumbnail + around
}

function isTiled({ align, patch, mostArea }: ThumbnailCost, { width, height }: Size): boolean {
  const rounded = (length: number): number => Math.max(patch, toEven(length / align) * align)
  return rounded(width) * rounded(height) > mostArea * tolerance
}

/** As C rounds: halves to the even number. */
const toEven = (value: number): number => {
  const rounded = Math.round(value)
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** By their number of tiles. */
const counts = Array.from({ length: mostTiles }, (_, index) => index + 1)
const grids = counts
  .flatMap((columns) => counts.map((rows) => [columns, rows] as const))
  .filter(([columns, rows]) => columns * rows >= leastTiles && columns * rows <= mostTiles)
  .sort((one, other) => one[0] * one[1] - other[0] * other[1])

function gridFor({ width, height }: Size): readonly [columns: number, rows: number] {
  const ratio = float(width / height)
  let best: readonly [number, number] = [1, 1]
  let leastDifference = Number.POSITIVE_INFINITY
  for (const [columns, rows] of grids) {
    const difference = float(Math.abs(ratio - float(columns / rows)))
    const covers = width * height > 0.5 * tileSide ** 2 * columns * rows
    if (difference < leastDifference || (difference === leastDifference && covers)) best = [columns, rows]
    leastDifference = Math.min(leastDifference, difference)
  }
  return best
}
