/** Families whose every picture becomes one square of the same tokens. */
import type { Header } from '../header.ts'
import { fixed, scaleFactor, tileTokens } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

/** GLM-Edge's file holds what begins and ends a picture. */
const beginning = 'adapter.boi'

const tokens: Record<string, (header: Header) => number> = {
  adapter: (header) =>
    tileTokens(header, 2) + (header.tensors.some(({ name }) => name === beginning) ? 2 : 0),
  cogvlm: (header) => tileTokens(header, 1) + 2,
  janus_pro: (header) => tileTokens(header, 1),
  ldp: (header) => tileTokens(header, 2),
  ldpv2: (header) => tileTokens(header, 2),
  nemotron_v2_vl: (header) => tileTokens(header, scaleFactor(header, 1)),
  // Whatever its size, eight by eight.
  yasa2: () => 64 + 2,
}

export const squares: Family = {
  projectorTypes: ['adapter', 'cogvlm', 'janus_pro', 'ldp', 'ldpv2', 'nemotron_v2_vl', 'yasa2'],
  pictureCost: (header, type) => fixed(tokens[type]?.(header) ?? 0),
}
