/** Pixtral and what Mistral made of it: rows may be told apart by a token each. */
import { areaCost, spatialMerge } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const tokens = [8, 1024] as const
const rowBreak = 'v.token_embd.img_break'

export const pixtral: Family = {
  projectorTypes: ['pixtral'],
  pictureTokens: tokens,
  pictureCost: (header) => {
    const perRow = header.tensors.some(({ name }) => name === rowBreak) ? 1 : 0
    // The last row has none, and the end of the picture is told by one.
    return areaCost(header, { merge: spatialMerge(header, 1), tokens, perRow, around: 1 - perRow })
  },
}
