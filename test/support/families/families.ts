/** Every family that has a model in miniature, in lists that take about as long to try. */
import { cogvlm } from './cogvlm.ts'
import { gemma3n, rekaEdge } from './convolutions.ts'
import { deepseekOcr, deepseekOcr2 } from './deepseek-ocr.ts'
import type { FamilyModel } from './family.ts'
import { gemma3, gemma4, gemma4Unified } from './gemma.ts'
import { glm4v } from './glm.ts'
import { granite4 } from './granite4.ts'
import { kimik25, kimivl } from './kimi.ts'
import { llama4 } from './llama4.ts'
import { llava15, llava16 } from './llava.ts'
import { glmEdge, graniteVision, januspro, mobileVlm, mobileVlm2 } from './llava-kin.ts'
import { minicpm26, minicpm46 } from './minicpm.ts'
import { pixtral } from './mistral.ts'
import { deepseek4, hunyuanOcr, muse, nemotron, step3 } from './others.ts'
import { phi4 } from './phi.ts'
import { qwen2vl, qwen3vl, qwen25vl } from './qwen.ts'
import { exaone45, mimo, minimaxM3, youtu } from './qwen-kin.ts'
import { dots3, dotsOcr, lightonocr, paddleocr } from './readers.ts'
import { idefics3, internvl, lfm2 } from './tiled.ts'

export const common: readonly FamilyModel[] = [
  ...[qwen2vl, qwen25vl, qwen3vl, gemma3, gemma4, pixtral, llava15, llava16, idefics3, internvl, lfm2],
]

export const further: readonly FamilyModel[] = [
  ...[phi4, llama4, minicpm26, minicpm46, glm4v, kimivl, kimik25, cogvlm, paddleocr, lightonocr, dotsOcr],
]

export const rare: readonly FamilyModel[] = [
  ...[graniteVision, mobileVlm, mobileVlm2, glmEdge, januspro, exaone45, mimo, minimaxM3, youtu, hunyuanOcr],
  ...[step3, nemotron],
]

export const unlike: readonly FamilyModel[] = [
  ...[deepseekOcr, deepseekOcr2, gemma4Unified, gemma3n, granite4, rekaEdge, muse, deepseek4, dots3],
]
