/**
 * Models of the families that people run most, in miniature, through the whole service as it is without settings. What
 * a picture takes is known from the engine's own formulas (tools/mtmd/clip.cpp, mtmd-image.cpp); what does not fit into
 * the context of 2048 tokens is refused.
 */
import t from 'tap'
import {
  type Expected,
  familyService,
  remembersPictures,
  takesControlTokensForText,
  takesPictures,
  takesSeveral,
} from '../support/families/checks.ts'
import { families } from '../support/families/families.ts'

const tooLarge = 'context_exceeded'

const expected: Record<string, Expected> = {
  'qwen2-vl': { costs: [11, 11, 1001, 930, 1026] },
  'qwen2.5-vl': { costs: [11, 11, 1001, 930, 1026] },
  'qwen3-vl': { costs: [11, 11, 770, 930, 1026] },
  // Layers with a window are not read again (llama-server, pos_min_thold), though the window would hold all.
  'gemma-3': { costs: [259, 259, 259, 259, 259], forgets: true },
  'gemma-4': { costs: [83, 83, 338, 500, 1026], forgets: true },
  'mistral-small-3.1': { costs: [12, 12, 1026, 936, 1056] },
  'llava-1.5': { costs: [577, 577, 577, 577, 577] },
  'llava-1.6': { costs: [577, 577, tooLarge, tooLarge, tooLarge] },
  smolvlm2: { costs: [1127, 1127, 862, 332, 1127], pair: tooLarge },
  internvl3: { costs: [258, 258, 1794, tooLarge, tooLarge] },
  // A state that runs on with each token cannot go back to the picture's end.
  'lfm2-vl': { costs: [66, 66, 1779, tooLarge, tooLarge], forgets: true },
}

for (const family of families) {
  t.test(family.name, async (t) => {
    const expectation = expected[family.name] ?? { costs: [] }
    const { url } = await familyService(t, family)
    await takesPictures(t, url, expectation)
    await takesSeveral(t, url, expectation)
    await remembersPictures(t, url, expectation)
    await takesControlTokensForText(t, url, family)
  })
}
