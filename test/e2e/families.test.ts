/**
 * Models of the families that people run most, in miniature, through the whole service as it is without settings. What
 * a picture takes is known from the engine's own formulas (tools/mtmd/clip.cpp, mtmd-image.cpp), and every picture fits.
 */
import t from 'tap'
import { checkFamily, type Expected } from '../support/families/checks.ts'
import { common } from '../support/families/families.ts'

const expected: Record<string, Expected> = {
  'qwen2-vl': { costs: [11, 11, 1001, 930, 1026] },
  'qwen2.5-vl': { costs: [11, 11, 1001, 930, 1026] },
  'qwen3-vl': { costs: [11, 11, 770, 930, 1026] },
  // Layers with a window are not read again (llama-server, pos_min_thold), though the window would hold all.
  'gemma-3': { costs: [259, 259, 259, 259, 259], forgets: true },
  'gemma-4': { costs: [83, 83, 338, 500, 1026], forgets: true },
  'mistral-small-3.1': { costs: [12, 12, 1026, 936, 992] },
  'llava-1.5': { costs: [577, 577, 577, 577, 577] },
  'llava-1.6': { costs: [577, 577, 2881, 2305, 2881] },
  smolvlm2: { costs: [1127, 1127, 862, 332, 1127] },
  internvl3: { costs: [258, 258, 1794, 2562, 2562] },
  // A state that runs on with each token cannot go back to the picture's end.
  'lfm2-vl': { costs: [66, 66, 1779, 2805, 2572], forgets: true },
}

for (const family of common) checkFamily(t, family, expected[family.name])
