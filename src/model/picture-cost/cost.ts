/**
 * What a picture takes of the context, for models whose pictures are tokens of it: the rules of llama.cpp v0.5.0
 * (tools/mtmd/mtmd-image.cpp, and clip_n_output_tokens of clip.cpp), each told by plain data that a decoder's process can
 * be handed. Counts are in tokens and hold what the engine puts around a picture and its tiles.
 */
import { type AreaCost, areaTokens } from './area.ts'
import { type EdgeCost, edgeTokens } from './edge.ts'
import { type GridCost, gridTokens } from './grid.ts'
import { type SlicesCost, slicesTokens } from './slices.ts'
import { type ThumbnailCost, thumbnailTokens } from './thumbnail.ts'

/** Pixels, upright. */
export type Size = { width: number; height: number }

/** Every picture becomes a square of the model's own. */
export type FixedCost = { kind: 'fixed'; tokens: number }

export type PictureCost = FixedCost | AreaCost | EdgeCost | GridCost | SlicesCost | ThumbnailCost

export function tokensOf(cost: PictureCost, size: Size): number {
  switch (cost.kind) {
    case 'fixed':
      return cost.tokens
    case 'area':
      return areaTokens(cost, size)
    case 'edge':
      return edgeTokens(cost, size)
    case 'grid':
      return gridTokens(cost, size)
    case 'slices':
      return slicesTokens(cost, size)
    case 'thumbnail':
      return thumbnailTokens(cost, size)
  }
}

/** The cost where the engine is told the most tokens that a picture may have. */
export function withCap(cost: PictureCost, cap: number | undefined): PictureCost {
  if (cap === undefined) return cost
  if (cost.kind === 'edge') return { ...cost, mostArea: (cap / cost.tile) * cost.side ** 2 }
  const isObeyed = cost.kind === 'thumbnail' || (cost.kind === 'area' && cost.obeysCap)
  return isObeyed ? { ...cost, mostArea: cap * cost.align ** 2 } : cost
}

/** Between two sizes that are tried. */
const step = 0.99
/** Tokens that begin and end a picture are not counted against its limit. */
const uncounted = 4

/**
 * The largest size of these proportions that takes no more than `limit` tokens; the size itself where it fits, or where
 * none would.
 */
export function sizeWithin(cost: PictureCost, size: Size, limit: number): Size {
  let { width, height } = size
  for (let scale = 1; Math.max(width, height) > 1; scale *= step) {
    width = Math.max(1, Math.round(size.width * scale))
    height = Math.max(1, Math.round(size.height * scale))
    if (tokensOf(cost, { width, height }) <= limit + uncounted) return { width, height }
  }
  return size
}

/** Sides and proportions of pictures, in tiles of a size that no model's is beyond. */
const manySides = [1, 2, 3, 4, 6, 8, 12, 16]
const sidePixels = 512

/** The most that any picture takes, as far as pictures of many proportions and sizes tell. */
export function mostTokens(cost: PictureCost): number {
  const sides = manySides.map((count) => count * sidePixels)
  const all = sides.flatMap((width) => sides.map((height) => tokensOf(cost, { width, height })))
  return Math.max(...all)
}
