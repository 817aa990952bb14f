/**
 * Room for pictures beside the context, for models that keep them there. Pictures of one request share it. `MAX_TILES` says
 * how much; without it, there is room for one picture of the most tiles, and for a tile of each that a request may have.
 */

import type { ModelFacts } from './facts.ts'
import type { Tiling } from './families/family.ts'
import type { ModelSettings } from './settings.ts'

export type RoomSettings = Pick<ModelSettings, 'maxImages' | 'maxTiles'>

/** Tiles of one request that there is room for. */
export const tilesInRoom = ({ most }: Tiling, { maxImages, maxTiles }: RoomSettings): number =>
  maxTiles || Math.max(most, maxImages)

/** Rows that one slot has room for; undefined for models whose pictures are tokens of the context. */
export function rowsInRoom(
  { projector: { tiling, rowsPerTile } }: ModelFacts,
  settings: RoomSettings,
): number | undefined {
  return tiling && rowsPerTile && tilesInRoom(tiling, settings) * rowsPerTile
}

/** Most tiles of each of so many pictures, for all of them to have room; one at least. */
export const tileLimit = (tiling: Tiling, pictures: number, room: number): number =>
  Math.max(1, Math.min(tiling.most, Math.floor(room / Math.max(1, pictures))))
