/**
 * A family of vision models in miniature: pictures, patches and what merges them are of the published sizes, so that a
 * picture takes the tokens it takes there; widths, layers and vocabularies are as small as the engine allows.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Tensor, type Value, writeGguf } from '../gguf.ts'
import type { TextModel } from './text-models.ts'
import { isPlain, tokensOf, type Vocabulary, vocabularyMetadata } from './vocabulary.ts'
import { onlyRows, weights } from './weights.ts'

export type FamilyModel = {
  /** Of the published model whose sizes it has. */
  name: string
  projector: string
  vocabulary: Vocabulary
  text: TextModel
  vision: {
    /** Keys under `clip.vision.`; those under `clip.` alone begin with a dot. */
    metadata: Record<string, Value>
    tensors: Tensor[]
  }
}

/** Mean and deviation of pictures, as OpenAI's CLIP was trained. */
export const clipColours = {
  image_mean: { floats: [0.48145466, 0.4578275, 0.40821073] },
  image_std: { floats: [0.26862954, 0.26130258, 0.27577711] },
}
/** As SigLIP was. */
export const siglipColours = {
  image_mean: { floats: [0.5, 0.5, 0.5] },
  image_std: { floats: [0.5, 0.5, 0.5] },
}
/** As ImageNet's are. */
export const imagenetColours = {
  image_mean: { floats: [0.485, 0.456, 0.406] },
  image_std: { floats: [0.229, 0.224, 0.225] },
}

/** Writes the pair as it is downloaded: a model and its projector beside it. Returns the model's file name. */
export function writeFamily(folder: string, family: FamilyModel): string {
  const { name, projector, vocabulary, text, vision } = family
  mkdirSync(folder, { recursive: true })
  const file = `${name}.gguf`
  const { architecture, width, metadata, tensors } = text
  const keyed = (prefix: string, keys: Record<string, Value>) =>
    Object.fromEntries(
      Object.entries(keys).map(([key, value]) =>
        key.startsWith('.') ? [`clip${key}`, value] : [`${prefix}.${key}`, value],
      ),
    )
  writeGguf(
    join(folder, file),
    {
      'general.architecture': architecture,
      ...keyed(architecture, metadata),
      ...vocabularyMetadata(vocabulary),
    },
    [...tokenTensors(width, vocabulary), ...tensors],
  )
  writeGguf(
    join(folder, `mmproj-${name}.gguf`),
    {
      'general.architecture': 'clip',
      'general.type': 'mmproj',
      'clip.has_vision_encoder': true,
      'clip.projector_type': projector,
      ...keyed('clip.vision', { projection_dim: width, ...vision.metadata }),
    },
    vision.tensors,
  )
  return file
}

/**
 * Only plain letters are ever likely: made-up weights would end many an answer before it begins, or begin it with half a
 * character, and the engine tells nothing of either.
 */
function tokenTensors(width: number, vocabulary: Vocabulary): Tensor[] {
  const plain = tokensOf(vocabulary).map(isPlain)
  const dims = [width, plain.length]
  return [
    weights('token_embd.weight', dims),
    onlyRows(weights('output.weight', dims), (row) => plain[row] === true),
  ]
}
