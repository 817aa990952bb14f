/** Families in miniature with towers like no other's, as in families.test.ts. */
import t from 'tap'
import { checkFamily, type Expected } from '../support/families/checks.ts'
import { unlike } from '../support/families/families.ts'

const expected: Record<string, Expected> = {
  'deepseek-ocr': { costs: [274, 274, 894, 1184, 1204], noRule: true },
  'deepseek-ocr-2': { costs: [258, 258, 1122, 1122, 834], noRule: true },
  // Windows again, as in families.test.ts.
  'gemma-4-unified': { costs: [83, 83, 338, 500, 1026], forgets: true },
  'gemma-3n': { costs: [259, 259, 259, 259, 259], forgets: true },
  'granite-vision-4': { costs: [301, 301, 937, 1355, 1477], noRule: true },
  'reka-edge': { costs: [66, 66, 66, 66, 66] },
  'muse-glimmer': { costs: [3, 11, 974, 930, 1026], noRule: true },
  'deepseek-v4': { costs: [116, 116, 356, 300, 348], noRule: true },
  'dots3-note': { costs: [6, 6, 1001, 1019, 1026] },
}

for (const family of unlike) checkFamily(t, family, expected[family.name])
