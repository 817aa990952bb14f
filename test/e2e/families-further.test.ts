/** More families in miniature, as in families.test.ts. */
import t from 'tap'
import { checkFamily, type Expected } from '../support/families/checks.ts'
import { further } from '../support/families/families.ts'

const tooLarge = 'context_exceeded'

const expected: Record<string, Expected> = {
  'phi-4-vision': { costs: [256, 256, tooLarge, tooLarge, tooLarge] },
  'llama-4': { costs: [146, 146, 1442, 578, 1442], forgets: true },
  'minicpm-v-2.6': { costs: [66, 66, 331, 528, 662] },
  'minicpm-v-4.6': { costs: [66, 66, 326, 536, 662] },
  'glm-4.1v': { costs: [11, 11, 1001, 930, 1026] },
  'kimi-vl': { costs: [11, 11, 1001, 930, 1026] },
  // The file's own limits take the place of the setting's (clip.cpp, KEY_IMAGE_MAX_PIXELS).
  'kimi-k2.5': { costs: [6, 6, 1001, 1575, tooLarge] },
  cogvlm: { costs: [1228, 1228, 1228, 1228, 1228], pair: tooLarge },
  'paddleocr-vl': { costs: [198, 198, 1001, 1575, tooLarge] },
  // Even the smallest picture is enlarged beyond the context that nobody changed.
  lightonocr: { costs: [3027, 3027, 2312, 277, 3027], settings: { CONTEXT_SIZE: '8192' } },
  'dots.ocr': { costs: [6, 6, 1001, 1575, tooLarge] },
}

for (const family of further) checkFamily(t, family, expected[family.name])
