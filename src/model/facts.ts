/**
 * Finds the model and what sees for it on disk, and reads the few facts we use from their GGUF headers. What is
 * missing, ambiguous or no model at all is a `ModelProblem`, whose message tells a person what to do; reading weights
 * is left to the engine.
 */
import { printable } from '../printable.ts'
import { type CacheBytes, cacheBytes, embeddingLengths } from './attention.ts'
import { readHeader } from './gguf.ts'
import { type Header, type Range, tensorBytes, text, whole } from './header.ts'
import { locateModel, type ModelPlace } from './locate.ts'
import { mustExist } from './model-folder.ts'
import { ModelProblem } from './model-problem.ts'
import { parseOllamaName } from './ollama-store.ts'
import {
  findProjector,
  isProjector,
  isVisionTensor,
  type ProjectorFacts,
  projectorFacts,
} from './projector.ts'
import { openRegular } from './regular-file.ts'
import { controlTokens } from './vocabulary.ts'

export type ModelFacts = CacheBytes & {
  path: string
  /** The same as `path` for a file that holds the vision part too. */
  mmprojPath: string
  /** From `general.description`, where the model's author wrote one. */
  description: string | undefined
  architecture: string
  /** Sizes in bytes of the text part and of what sees; a model split into several files counts as their sum. */
  weightBytes: number
  mmprojBytes: number
  embeddingLength: number
  /** Longest context that the model was trained for, in tokens. */
  contextLength: number
  /** Tokens that steer the model, such as `<|im_end|>`: in a prompt they are text and nothing more. */
  controlTokens: string[]
  projector: ProjectorFacts
}

const contextLengths: Range = [1, 2 ** 31 - 1]
const descriptionLength = 1000

/** Throws `ModelProblem` when there is no usable model. */
export async function findModel(place: ModelPlace): Promise<ModelFacts> {
  const { path, mmproj: named } = await locateModel(place)
  await mustExist(path, {
    noFile: `Set MODEL_NAME to one of them or put the model there${fromOllama(place.name)}`,
    noFolder: `Check MODEL_PATH, MODEL_NAME and the mount, or fetch a model by llama-vision pull${fromOllama(place.name)}`,
  })
  const header = await readHeader(path)
  if (isProjector(header)) {
    throw new ModelProblem(
      `${path} is a vision projector (mmproj), not a model; set MODEL_NAME to the text model it belongs to`,
    )
  }
  const architecture = architectureOf(header)
  const projector = await findProjector(header, named)
  return {
    path,
    mmprojPath: projector.path,
    description: descriptionOf(header),
    architecture,
    ...(await sizes(header, projector)),
    embeddingLength: whole(header, `${architecture}.embedding_length`, embeddingLengths),
    contextLength: whole(header, `${architecture}.context_length`, contextLengths),
    ...cacheBytes(header, architecture),
    controlTokens: controlTokens(header),
    projector: projectorFacts(projector),
  }
}

/** Who comes from Ollama leaves out what says so. */
const fromOllama = (name: string): string =>
  parseOllamaName(name) && !/\.gguf$/i.test(name) ? `; a model of Ollama's is named ollama:${name}` : ''

/** It is a part of keys, sentences and answers. */
function architectureOf(header: Header): string {
  const name = text(header, 'general.architecture') ?? ''
  if (/^[\w.-]{1,64}$/.test(name)) return name
  throw new ModelProblem(`${header.path} is broken: its architecture is "${printable(name, 64)}"`)
}

function descriptionOf(header: Header): string | undefined {
  const description = text(header, 'general.description')
  return description === undefined ? undefined : printable(description, descriptionLength)
}

/** A file that is model and projector at once is split by its tensors. */
async function sizes(
  header: Header,
  projector: Header,
): Promise<Pick<ModelFacts, 'weightBytes' | 'mmprojBytes'>> {
  const bytes = header.fileBytes + (await otherPiecesBytes(header.path))
  if (projector !== header) return { weightBytes: bytes, mmprojBytes: projector.fileBytes }
  const mmprojBytes = tensorBytes(header, isVisionTensor)
  return { weightBytes: bytes - mmprojBytes, mmprojBytes }
}

/** Pieces are named `name-00001-of-00003.gguf`; the engine finds the others by the first one's name. */
async function otherPiecesBytes(path: string): Promise<number> {
  const [, name, own, count] = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(path) ?? []
  let bytes = 0
  for (let piece = 1; piece <= Number(count ?? 0); piece += 1) {
    const number = String(piece).padStart(5, '0')
    if (number === own) continue
    const { file, bytes: more } = await openRegular(`${name}-${number}-of-${count}.gguf`)
    await file.close()
    bytes += more
  }
  return bytes
}
