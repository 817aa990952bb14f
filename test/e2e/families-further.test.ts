/** More families in miniature, as in families.test.ts. */
import t from 'tap'
import { checkFamily, type Expected } from '../support/families/checks.ts'
import { further } from '../support/families/families.ts'

const tooLarge = 'context_exceeded'

const expected: Record<string, Expected> = {
  'phi-4-vision': { costs: [256, 256, 972, 1026, 1024] },
  'llama-4': { costs: [146, 146, 1442, 578, 1442], forgets: true },
  'minicpm-v-2.6': { costs: [66, 66, 331, 528, 662] },
  'minicpm-v-4.6': { costs: [66, 66, 326, 536, 662], noRule: true },
  'glm-4.1v': { costs: [11, 11, 1001, 930, 1026] },
  'kimi-vl': { costs: [11, 11, 1001, 930, 1026] },
  // The file's own limits take the place of the setting's (clip.cpp, KEY_IMAGE_MAX_PIXELS).
  'kimi-k2.5': { costs: [6, 6, 1001, 1019, 1026] },
  cogvlm: { costs: [1228, 1228, 1228, 1228, 1228], pair: tooLarge },
  'paddleocr-vl': { costs: [198, 198, 1001, 1019, 1026] },
  // Even the smallest picture is enlarged beyond the context that nobody changed.
  lightonocr: { costs: [1026, 1026, 974, 277, 1026], pair: tooLarge },
  'dots.ocr': { costs: [6, 6, 1001, 1019, 1026] },
}

for (const family of further) checkFamily(t, family, expected[family.name])
