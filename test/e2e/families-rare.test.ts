/** Families in miniature that few people run, as in families.test.ts. */
import t from 'tap'
import { checkFamily, type Expected } from '../support/families/checks.ts'
import { rare } from '../support/families/families.ts'

const expected: Record<string, Expected> = {
  'granite-vision-3.2': { costs: [729, 729, 5103, 8019, 7290] },
  mobilevlm: { costs: [145, 145, 145, 145, 145] },
  'mobilevlm-v2': { costs: [145, 145, 145, 145, 145] },
  'glm-edge-v': { costs: [578, 578, 578, 578, 578] },
  'janus-pro': { costs: [576, 576, 576, 576, 576] },
  'exaone-4.5': { costs: [6, 6, 1001, 1019, 1026] },
  'mimo-v2.5': { costs: [11, 11, 770, 1028, 1026] },
  'minimax-m3': { costs: [11, 11, 542, 524, 578] },
  'youtu-vl': { costs: [3, 6, 770, 1019, 963], noRule: true },
  // The file's own limits take the place of the setting's (clip.cpp, KEY_IMAGE_MAX_PIXELS).
  hunyuanocr: { costs: [276, 276, 796, 916, 996] },
  'step3-vl': { costs: [171, 171, 504, 1333, 1502], noRule: true },
  'nemotron-nano-v2-vl': { costs: [256, 256, 256, 256, 256] },
}

for (const family of rare) checkFamily(t, family, expected[family.name])
