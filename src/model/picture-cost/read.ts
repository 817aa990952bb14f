/** Costs out of a projector's header, whose keys are llama.cpp's. */
import { type Header, type Range, whole } from '../header.ts'
import type { AreaCost } from './area.ts'
import type { FixedCost } from './cost.ts'

const lengths: Range = [0, 2 ** 16]
const areas: Range = [0, 2 ** 31 - 1]

/** A length or a count of the vision part; 0 where the file does not say. */
export const vision = (header: Header, name: string): number => whole(header, `clip.vision.${name}`, lengths)

const area = (header: Header, name: string): number => whole(header, `clip.vision.${name}`, areas)

/** Tokens of a square tile whose patches are merged by so many along a side. */
export const tileTokens = (header: Header, merge: number): number =>
  Math.floor(vision(header, 'image_size') / vision(header, 'patch_size')) ** 2 / merge ** 2

export const scaleFactor = (header: Header, otherwise: number): number =>
  vision(header, 'projector.scale_factor') || otherwise

export const spatialMerge = (header: Header, otherwise: number): number =>
  vision(header, 'spatial_merge_size') || otherwise

export const fixed = (tokens: number): FixedCost => ({ kind: 'fixed', tokens })

type Area = Partial<Pick<AreaCost, 'perRow' | 'longestEdge'>> & {
  merge: number
  around: number
  /** Tokens, where the file has no bounds of its own or the family does not go by them. */
  tokens?: readonly [least: number, most: number]
}

export function areaCost(
  header: Header,
  { merge, around, tokens, perRow = 0, longestEdge = 0 }: Area,
): AreaCost {
  const align = vision(header, 'patch_size') * merge
  const [least, most] = tokens ?? [0, 0]
  return {
    kind: 'area',
    align,
    leastArea: tokens ? least * align ** 2 : area(header, 'image_min_pixels'),
    mostArea: tokens ? most * align ** 2 : area(header, 'image_max_pixels'),
    obeysCap: tokens !== undefined,
    longestEdge,
    perRow,
    around,
  }
}

export const hasAreas = (header: Header): boolean =>
  area(header, 'image_min_pixels') > 0 && area(header, 'image_max_pixels') > 0
