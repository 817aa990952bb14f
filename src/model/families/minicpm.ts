/** MiniCPM-V up to 4.5: views of one number of tokens each. */
import { type Range, whole } from '../header.ts'
import { vision } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

const versions: Range = [0, 2 ** 31 - 1]
const counts: Range = [0, 2 ** 16]
/** Of MiniCPM-Llama3-V 2.5, and of all that came later, where the file does not say. */
const usualView = { before26: 96, since26: 64 }

export const minicpm: Family = {
  projectorTypes: ['resampler'],
  pictureCost: (header) => {
    const version = whole(header, 'clip.minicpmv_version', versions)
    const told = whole(header, 'clip.minicpmv_query_num', counts)
    const view = told || (version > 2 ? usualView.since26 : usualView.before26)
    return { kind: 'slices', side: vision(header, 'image_size'), view }
  },
}
