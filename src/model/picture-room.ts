/**
 * Room for pictures beside the context, for models that keep them there: one picture of the most tiles, and a tile at
 * least of each picture that a request may have. Pictures of one request share it.
 */

import type { ModelFacts } from './facts.ts'
import type { Tiling } from './families/family.ts'
import type { ModelSettings } from './settings.ts'

const tilesInRoom = ({ most }: Tiling, maxImages: number): number => Math.max(most, maxImages)

/** Rows that one slot has room for; undefined for models whose pictures are tokens of the context. */
export function rowsInRoom(
  { projector: { tiling, rowsPerTile } }: ModelFacts,
  { maxImages }: Pick<ModelSettings, 'maxImages'>,
): number | undefined {
  return tiling && rowsPerTile && tilesInRoom(tiling, maxImages) * rowsPerTile
}

/** Most tiles of each of so many pictures, at most `maxImages`, for all of them to have room. */
export const tileLimit = (tiling: Tiling, pictures: number, maxImages: number): number =>
  Math.min(tiling.most, Math.floor(tilesInRoom(tiling, maxImages) / Math.max(1, pictures)))
