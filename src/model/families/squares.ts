/** Families whose every picture becomes one square of the same tokens. */
import type { Header } from '../header.ts'
import { fixed, scaleFactor, tileTokens } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens: Record<string, (header: Header) => number> = {
  cogvlm: (header) => tileTokens(header, 1) + 2,
  janus_pro: (header) => tileTokens(header, 1),
  nemotron_v2_vl: (header) => tileTokens(header, scaleFactor(header, 1)),
}

export const squares: Family = {
  projectorTypes: ['cogvlm', 'janus_pro', 'nemotron_v2_vl'],
  pictureCost: (header, type) => fixed(tokens[type]?.(header) ?? 0),
}
