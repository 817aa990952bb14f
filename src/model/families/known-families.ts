/** Every family that is described, each in a file of its own. Another one is a file and a line here. */
import type { Header } from '../header.ts'
import { text } from '../header.ts'
import { deepseek } from './deepseek.ts'
import type { Family, OwnFiles } from './family.ts'
import { gemma3 } from './gemma3.ts'
import { gemma4 } from './gemma4.ts'
import { glm } from './glm.ts'
import { hunyuan } from './hunyuan.ts'
import { idefics } from './idefics.ts'
import { internvl } from './internvl.ts'
import { kimi } from './kimi.ts'
import { kimiK25 } from './kimi-k25.ts'
import { lfm2 } from './lfm2.ts'
import { lighton } from './lighton.ts'
import { llama4 } from './llama4.ts'
import { llava } from './llava.ts'
import { minicpm } from './minicpm.ts'
import { minimax } from './minimax.ts'
import { mllama } from './mllama.ts'
import { muse } from './muse.ts'
import { phi4 } from './phi4.ts'
import { pixtral } from './pixtral.ts'
import { qwen } from './qwen.ts'
import { readers } from './readers.ts'
import { squares } from './squares.ts'
import { youtu } from './youtu.ts'

export const knownFamilies: readonly Family[] = [
  deepseek,
  gemma3,
  gemma4,
  glm,
  hunyuan,
  idefics,
  internvl,
  kimi,
  kimiK25,
  lfm2,
  lighton,
  llama4,
  llava,
  minicpm,
  minimax,
  mllama,
  muse,
  phi4,
  pixtral,
  qwen,
  readers,
  squares,
  youtu,
]

/** The family of a kind of projector; one without anything special when nobody described it. */
export const familyOf = (projectorType: string): Family =>
  knownFamilies.find(({ projectorTypes }) => projectorTypes.includes(projectorType)) ?? {
    projectorTypes: [projectorType],
  }

/** How to read a file whose family has keys of its own; undefined for one that llama.cpp's converter wrote. */
export const ownFilesOf = (header: Header): (OwnFiles & { projectorType: string }) | undefined => {
  const architecture = text(header, 'general.architecture')
  const family = knownFamilies.find(({ ownFiles }) => ownFiles?.architecture === architecture)
  return family?.ownFiles && { ...family.ownFiles, projectorType: family.projectorTypes[0] }
}
