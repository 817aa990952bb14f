/** Pictures that take as many tokens as they are large, between two bounds. */
import type { Size } from './cost.ts'
import { type Bounds, preservedRatio } from './preserved-ratio.ts'

export type AreaCost = Bounds & {
  kind: 'area'
  /** Whether the engine lets itself be told the most tokens of a picture. */
  obeysCap: boolean
  /** Tokens for each row of a picture's own, and for the whole. */
  perRow: number
  around: number
}

export function areaTokens(cost: AreaCost, size: Size): number {
  const { align, perRow, around } = cost
  const { width, height } = preservedRatio(size, cost)
  const rows = Math.floor(height / align)
  return rows * (Math.floor(width / align) + perRow) + around
}
