/** Models that read documents, whose files bound a picture's area. */
import { areaCost, scaleFactor, spatialMerge } from '../picture-cost/read.ts'
import type { Family } from './family.ts'

export const readers: Family = {
  projectorTypes: ['paddleocr', 'dots_ocr', 'dots3note_v', 'exaone4_5', 'mimovl'],
  pictureCost: (header, type) => {
    const merge =
      type === 'paddleocr' ? 2 : type === 'dots_ocr' ? scaleFactor(header, 1) : spatialMerge(header, 2)
    return areaCost(header, { merge, around: 2 })
  },
}
