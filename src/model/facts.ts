/**
 * Finds the model and what sees for it on disk, and reads the few facts we use from their GGUF headers. What is
 * missing, ambiguous or no model at all is a `ModelProblem`, whose message tells a person what to do; reading weights
 * is left to the engine.
 */
import { ownFilesOf } from './families/known-families.ts'
import { readHeader } from './gguf.ts'
import { type Header, number, tensorBytes, text } from './header.ts'
import { locateModel, type ModelPlace } from './locate.ts'
import { mustExist } from './model-folder.ts'
import { ModelProblem } from './model-problem.ts'
import {
  findProjector,
  isProjector,
  isVisionTensor,
  type ProjectorFacts,
  projectorFacts,
} from './projector.ts'
import { openRegular } from './regular-file.ts'

export type ModelFacts = {
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
  /** Bytes of one token's keys and values over all layers, at 16 bits a number. */
  kvBytesPerToken: number
  /** The same of one row of a picture, in the layers that keep rows of pictures beside the context. */
  kvBytesPerRow: number
  /** Tokens that steer the model, such as `<|im_end|>`: in a prompt they are text and nothing more. */
  controlTokens: string[]
  projector: ProjectorFacts
}

/** Throws `ModelProblem` when there is no usable model. */
export async function findModel(place: ModelPlace): Promise<ModelFacts> {
  const { path, mmproj: named } = await locateModel(place)
  await mustExist(path, {
    noFile: 'Set MODEL_NAME to one of them or put the model there',
    noFolder: 'Check MODEL_PATH, MODEL_NAME and the mount',
  })
  const header = await readHeader(path)
  if (isProjector(header)) {
    throw new ModelProblem(
      `${path} is a vision projector (mmproj), not a model; set MODEL_NAME to the text model it belongs to`,
    )
  }
  const architecture = text(header, 'general.architecture') ?? ''
  const projector = await findProjector(header, named)
  return {
    path,
    mmprojPath: projector.path,
    description: text(header, 'general.description'),
    architecture,
    ...(await sizes(header, projector)),
    embeddingLength: number(header, `${architecture}.embedding_length`),
    contextLength: number(header, `${architecture}.context_length`),
    ...cacheBytes(header, architecture),
    controlTokens: controlTokens(header),
    projector: projectorFacts(projector),
  }
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

function cacheBytes(
  header: Header,
  architecture: string,
): Pick<ModelFacts, 'kvBytesPerToken' | 'kvBytesPerRow'> {
  const layers = layerKvBytes(header, architecture)
  const ofPictures = ownFilesOf(header)?.pictureLayers(header) ?? new Set<number>()
  const sum = (counts: (layer: number) => boolean) =>
    layers.reduce((total, bytes, layer) => (counts(layer) ? total + bytes : total), 0)
  return {
    kvBytesPerToken: sum((layer) => !ofPictures.has(layer)),
    kvBytesPerRow: sum((layer) => ofPictures.has(layer)),
  }
}

/** Bytes of one token's keys and values in each layer, at 16 bits a number. */
function layerKvBytes(header: Header, architecture: string): number[] {
  const layers = number(header, `${architecture}.block_count`)
  const heads = perLayer(header, `${architecture}.attention.head_count`, layers)
  const kvHeads = header.metadata.has(`${architecture}.attention.head_count_kv`)
    ? perLayer(header, `${architecture}.attention.head_count_kv`, layers)
    : heads
  const headLength = number(header, `${architecture}.embedding_length`) / Math.max(1, heads[0] ?? 1)
  const key = number(header, `${architecture}.attention.key_length`) || headLength
  const value = number(header, `${architecture}.attention.value_length`) || headLength
  const bytesPerNumber = 2
  return kvHeads.map((count) => count * (key + value) * bytesPerNumber)
}

/** Some architectures give one number for all layers, some a list. */
function perLayer(header: Header, key: string, layers: number): number[] {
  const value = header.metadata.get(key)
  return Array.isArray(value) ? value.map(Number) : Array<number>(layers).fill(number(header, key))
}

/** GGUF token types: 2 is unknown, 3 is control. These are what the engine reads as more than text. */
function controlTokens(header: Header): string[] {
  const tokens = header.metadata.get('tokenizer.ggml.tokens')
  const types = header.metadata.get('tokenizer.ggml.token_type')
  if (!Array.isArray(tokens) || !Array.isArray(types)) return []
  return tokens
    .map(String)
    .filter((token, index) => (types[index] === 3 || types[index] === 2) && token.length > 1)
}
