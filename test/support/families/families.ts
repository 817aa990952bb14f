/** Every family that has a model in miniature. */
import type { FamilyModel } from './family.ts'
import { gemma3, gemma4 } from './gemma.ts'
import { llava15, llava16 } from './llava.ts'
import { pixtral } from './mistral.ts'
import { qwen2vl, qwen3vl, qwen25vl } from './qwen.ts'
import { idefics3, internvl, lfm2 } from './tiled.ts'

export const families: readonly FamilyModel[] = [
  ...[qwen2vl, qwen25vl, qwen3vl, gemma3, gemma4, pixtral, llava15, llava16, idefics3, internvl, lfm2],
]
