/**
 * Finds the model and its vision projector on disk and reads the few facts we use from their GGUF headers. Pairs by
 * metadata, not by file name. What is missing, ambiguous or no model at all is a `ModelProblem`, whose message tells
 * a person what to do; reading weights is left to the engine.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { gguf } from '@huggingface/gguf'
import { type Config, packageRoot } from '../config.ts'
import { messageOf } from '../errors.ts'

export type ModelFacts = {
  path: string
  mmprojPath: string
  /** From `general.description`, where the model's author wrote one. */
  description: string | undefined
  architecture: string
  /** Sizes in bytes; a model split into several files counts as their sum. */
  weightBytes: number
  mmprojBytes: number
  embeddingLength: number
  /** Longest context that the model was trained for, in tokens. */
  contextLength: number
  /** Bytes of one token's keys and values over all layers, at 16 bits a number. */
  kvBytesPerToken: number
  /** Tokens that steer the model, such as `<|im_end|>`: in a prompt they are text and nothing more. */
  controlTokens: string[]
  projector: ProjectorFacts
}

export type ProjectorFacts = {
  /** llama.cpp's name for the kind of picture processing, e.g. `qwen2vl_merger`. */
  type: string
  /** Pixels along a side, as trained; patches along a side are `imageSize / patchSize`. */
  imageSize: number
  patchSize: number
  embeddingLength: number
}

/** Something about the files that only a person can mend. The message is for that person. */
export class ModelProblem extends Error {
  override readonly name = 'ModelProblem'
}

type Header = Record<string, unknown>
type ModelSettings = Pick<Config, 'MODEL_NAME' | 'MODEL_PATH' | 'MMPROJ_NAME'>

/** Throws `ModelProblem` when there is no usable pair of files. */
export async function findModel(config: ModelSettings): Promise<ModelFacts> {
  const path = modelPath(config)
  await mustExist(path, 'Set MODEL_NAME to one of them or put the model there')
  const header = await readHeader(path)
  const architecture = text(header, 'general.architecture') ?? ''
  if (isProjector(header)) {
    throw new ModelProblem(
      `${path} is a vision projector (mmproj), not a model; set MODEL_NAME to the text model it belongs to`,
    )
  }
  const embeddingLength = number(header, `${architecture}.embedding_length`)
  const mmproj = await findProjector(path, header, embeddingLength, config.MMPROJ_NAME)
  return {
    path,
    mmprojPath: mmproj.path,
    description: text(header, 'general.description'),
    architecture,
    weightBytes: await weightBytes(path),
    mmprojBytes: (await stat(mmproj.path)).size,
    embeddingLength,
    contextLength: number(header, `${architecture}.context_length`),
    kvBytesPerToken: kvBytesPerToken(header, architecture, embeddingLength),
    controlTokens: controlTokens(header),
    projector: {
      type: projectorType(mmproj.header) ?? 'unknown',
      imageSize: number(mmproj.header, 'clip.vision.image_size'),
      patchSize: number(mmproj.header, 'clip.vision.patch_size'),
      embeddingLength: number(mmproj.header, 'clip.vision.embedding_length'),
    },
  }
}

/** Names, sizes and times of the files a model could come from: changes when looking again makes sense. */
export async function modelFilesFingerprint(config: ModelSettings): Promise<string> {
  const folder = dirname(modelPath(config))
  const files = await ggufFiles(folder)
  const marks = await Promise.all(
    files.map(async (file) => {
      const { size, mtimeMs } = await stat(join(folder, file))
      return `${file} ${size} ${mtimeMs}`
    }),
  )
  return marks.join('\n')
}

function modelPath(config: ModelSettings): string {
  if (config.MODEL_NAME === 'demo') return join(packageRoot, 'models/demo/demo-text-q4_k_m.gguf')
  return resolve(config.MODEL_PATH, config.MODEL_NAME)
}

/** The .gguf files of a folder by name; empty when it is missing or unreadable. */
async function ggufFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => name.toLowerCase().endsWith('.gguf')).sort()
}

async function mustExist(path: string, advice: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) return
  const folder = dirname(path)
  if (!(await stat(folder).catch(() => undefined))) {
    throw new ModelProblem(
      `${path} not found; the folder ${folder} does not exist. Check MODEL_PATH and the mount`,
    )
  }
  const files = await ggufFiles(folder)
  throw new ModelProblem(`${path} not found; the folder holds: ${listed(files)}. ${advice}`)
}

const mostListed = 10

function listed(files: string[]): string {
  if (files.length === 0) return 'no .gguf files'
  const more = files.length - mostListed
  return files.slice(0, mostListed).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

async function readHeader(path: string): Promise<Header> {
  await mustBeGguf(path)
  try {
    const { metadata } = await gguf(path, { allowLocalFile: true })
    const header = metadata as unknown as Header
    if (text(header, 'general.architecture') === undefined) throw new Error('it names no architecture')
    return header
  } catch (error) {
    throw new ModelProblem(
      `${path} has an unreadable GGUF header, as a download that was cut off would (${messageOf(error)}); fetch the file again`,
    )
  }
}

async function mustBeGguf(path: string): Promise<void> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new ModelProblem(`${path} cannot be read (${error.code}); make it readable for the service's user`)
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    if (bytesRead === 4 && buffer.toString('latin1') === 'GGUF') return
  } finally {
    await file.close()
  }
  throw new ModelProblem(`${path} is not a GGUF file; the service runs models in GGUF format only`)
}

type Projector = { path: string; header: Header }

async function findProjector(
  path: string,
  model: Header,
  embeddingLength: number,
  named: string,
): Promise<Projector> {
  const folder = dirname(path)
  if (named) {
    const namedPath = resolve(folder, named)
    await mustExist(namedPath, 'Set MMPROJ_NAME to the projector of the model')
    const header = await readHeader(namedPath)
    if (isProjector(header)) return { path: namedPath, header }
    throw new ModelProblem(`${namedPath}, named by MMPROJ_NAME, is not a vision projector (mmproj)`)
  }
  const projectors = await projectorsIn(folder, basename(path))
  const fitting = projectors.filter(({ header }) => fits(header, embeddingLength))
  const related = fitting.filter(({ header }) => sameOrigin(header, model))
  const candidates = related.length > 0 ? related : fitting
  if (candidates.length === 1 && candidates[0]) return candidates[0]
  const names = (list: Projector[]) => list.map((one) => basename(one.path)).join(', ')
  if (candidates.length > 1) {
    throw new ModelProblem(
      `Several vision projectors in ${folder} fit ${basename(path)}: ${names(candidates)}. Set MMPROJ_NAME to one of them`,
    )
  }
  throw new ModelProblem(
    projectors.length > 0
      ? `No vision projector in ${folder} fits ${basename(path)} (embedding length ${embeddingLength}): ${names(projectors)} belong to other models`
      : `${basename(path)} needs its vision projector (an mmproj GGUF), and ${folder} holds none. Put it beside the model`,
  )
}

async function projectorsIn(folder: string, except: string): Promise<Projector[]> {
  const found: Projector[] = []
  for (const name of await ggufFiles(folder)) {
    if (name === except) continue
    const path = join(folder, name)
    // A broken or unrelated neighbour is no reason to refuse the model.
    const header = await readHeader(path).catch(() => undefined)
    if (header && isProjector(header)) found.push({ path, header })
  }
  return found
}

const isProjector = (header: Header): boolean => text(header, 'general.architecture') === 'clip'

const projectorType = (header: Header): string | undefined =>
  text(header, 'clip.vision.projector_type') ?? text(header, 'clip.projector_type')

/** A projector writes vectors of the model's width (Qwen3-VL: several of them side by side). */
function fits(header: Header, embeddingLength: number): boolean {
  const width = number(header, 'clip.vision.projection_dim')
  return width === 0 || width % embeddingLength === 0
}

/** Converters write the same base model's name into both files. */
function sameOrigin(projector: Header, model: Header): boolean {
  return ['general.basename', 'general.name'].some((key) => {
    const name = text(model, key)
    return name !== undefined && text(projector, key) === name
  })
}

/** Shards are named `name-00001-of-00003.gguf`; the engine finds the others by the first one's name. */
async function weightBytes(path: string): Promise<number> {
  const shard = /^(.*)-\d{5}-of-(\d{5})\.gguf$/.exec(basename(path))
  const names = shard
    ? (await ggufFiles(dirname(path))).filter(
        (name) => name.startsWith(`${shard[1]}-`) && name.endsWith(`-of-${shard[2]}.gguf`),
      )
    : [basename(path)]
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(dirname(path), name))).size))
  return sizes.reduce((sum, size) => sum + size, 0)
}

function kvBytesPerToken(header: Header, architecture: string, embeddingLength: number): number {
  const layers = number(header, `${architecture}.block_count`)
  const heads = perLayer(header, `${architecture}.attention.head_count`, layers)
  const kvHeads = header[`${architecture}.attention.head_count_kv`]
    ? perLayer(header, `${architecture}.attention.head_count_kv`, layers)
    : heads
  const headLength = embeddingLength / Math.max(1, heads[0] ?? 1)
  const key = number(header, `${architecture}.attention.key_length`) || headLength
  const value = number(header, `${architecture}.attention.value_length`) || headLength
  const bytesPerNumber = 2
  return kvHeads.reduce((sum, count) => sum + count * (key + value) * bytesPerNumber, 0)
}

/** Some architectures give one number for all layers, some a list. */
function perLayer(header: Header, key: string, layers: number): number[] {
  const value = header[key]
  return Array.isArray(value) ? value.map(Number) : Array<number>(layers).fill(number(header, key))
}

/** GGUF token types: 2 is unknown, 3 is control. These are what the engine reads as more than text. */
function controlTokens(header: Header): string[] {
  const tokens = header['tokenizer.ggml.tokens']
  const types = header['tokenizer.ggml.token_type']
  if (!Array.isArray(tokens) || !Array.isArray(types)) return []
  return tokens.filter((token, index) => (types[index] === 3 || types[index] === 2) && token.length > 1)
}

function text(header: Header, key: string): string | undefined {
  const value = header[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** 0 where the key is absent: every caller treats that as unknown. */
function number(header: Header, key: string): number {
  const value = header[key]
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0
}
