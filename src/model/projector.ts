/**
 * Finds what sees for a model: the vision projector beside it, paired by metadata and not by file name, or for some
 * families the model's own file.
 */
import { basename, dirname, join, resolve } from 'node:path'
import { messageOf } from '../errors.ts'
import { embeddingLengths } from './attention.ts'
import type { Tiling } from './families/family.ts'
import { familyOf, ownFilesOf } from './families/known-families.ts'
import { readHeader } from './gguf.ts'
import { type Header, type Range, text, whole } from './header.ts'
import { ggufFiles, mostFiles, mustExist } from './model-folder.ts'
import { ModelProblem } from './model-problem.ts'
import { type PictureCost, tokensOf } from './picture-cost/cost.ts'

/** Pixels along a side: far beyond any model. */
const sides: Range = [0, 2 ** 16]

export type ProjectorFacts = {
  /** llama.cpp's name for the kind of picture processing, e.g. `qwen2vl_merger`. */
  type: string
  /** Pixels along a side, as trained; patches along a side are `imageSize / patchSize`. */
  imageSize: number
  patchSize: number
  embeddingLength: number
  /** For models that cut pictures into tiles. */
  tiling: Tiling | undefined
  /** Rows of a tile that the model keeps beside the context; undefined where a picture is tokens of the context. */
  rowsPerTile: number | undefined
  /** What a picture takes of the context, where that is known and pictures are tokens of it. */
  pictureCost: PictureCost | undefined
}

/** True for a file that is a vision projector and nothing else. */
export const isProjector = (header: Header): boolean =>
  ownFilesOf(header)?.isProjector(header) ?? text(header, 'general.architecture') === 'clip'

/** Tensors of the vision part, in a projector as in a file that holds the text model too. */
export const isVisionTensor = (name: string): boolean => name.startsWith('v.') || name.startsWith('mm.')

/** The header of the file that sees for `model`; `model` itself when it does. `named` is a path or ''. */
export async function findProjector(model: Header, named: string): Promise<Header> {
  const folder = dirname(model.path)
  if (named) {
    const namedPath = resolve(folder, named)
    const advice = 'Set MMPROJ_NAME to the projector of the model, or to nothing to have it found'
    await mustExist(namedPath, { noFile: advice, noFolder: advice })
    const header = await readHeader(namedPath)
    if (isProjector(header)) return header
    throw new ModelProblem(`${namedPath}, named by MMPROJ_NAME, is not a vision projector (mmproj)`)
  }
  if (ownFilesOf(model) && model.tensors.some(({ name }) => isVisionTensor(name))) return model
  return await projectorBeside(model, folder)
}

async function projectorBeside(model: Header, folder: string): Promise<Header> {
  const file = basename(model.path)
  const { found: projectors, broken } = await headersBeside(folder, file)
  const fitting = projectors.filter((projector) => fits(projector, model))
  const related = fitting.filter((projector) => sameOrigin(projector, model))
  const candidates = related.length > 0 ? related : fitting
  if (candidates.length === 1 && candidates[0]) return candidates[0]
  const names = (list: Header[]) => list.map((one) => basename(one.path)).join(', ')
  if (candidates.length > 1) {
    throw new ModelProblem(
      `Several vision projectors in ${folder} fit ${file}: ${names(candidates)}. Set MMPROJ_NAME to one of them`,
    )
  }
  const [unreadable] = broken
  const putThere = 'Put it beside the model or set MMPROJ_NAME to it'
  throw new ModelProblem(
    projectors.length > 0
      ? `No vision projector in ${folder} fits ${file} (embedding length ${embeddingLength(model)}): ${names(projectors)} belong to other models. Put the right one there or set MMPROJ_NAME to it`
      : `${file} needs its vision projector (an mmproj GGUF), and ${folder} holds none. ${unreadable ? `Perhaps it was this: ${unreadable}` : putThere}`,
  )
}

/** The projectors, and what is wrong with files that may be some. */
async function headersBeside(folder: string, except: string): Promise<{ found: Header[]; broken: string[] }> {
  const names = await ggufFiles(folder)
  if (names.length === mostFiles) {
    throw new ModelProblem(
      `${folder} holds ${mostFiles} .gguf files or more, too many to look for the projector of ${except} in. Set MMPROJ_NAME to it`,
    )
  }
  const found: Header[] = []
  const broken: string[] = []
  for (const name of names) {
    if (name === except) continue
    // A broken or unrelated neighbour is no reason to refuse the model.
    const header = await readHeader(join(folder, name)).catch((error: unknown) => messageOf(error))
    if (typeof header === 'string') broken.push(header)
    else if (isProjector(header)) found.push(header)
  }
  return { found, broken }
}

const embeddingLength = (model: Header): number =>
  whole(model, `${text(model, 'general.architecture')}.embedding_length`, embeddingLengths)

/** A projector writes vectors of the model's width (Qwen3-VL: several of them side by side). */
function fits(projector: Header, model: Header): boolean {
  if (ownFilesOf(projector)?.architecture !== ownFilesOf(model)?.architecture) return false
  const width = projector.metadata.get(`${prefix(projector)}.projection_dim`) ?? 0
  return typeof width === 'number' && width >= 0 && (width === 0 || width % embeddingLength(model) === 0)
}

/** Converters write the same base model's name into both files. */
function sameOrigin(projector: Header, model: Header): boolean {
  return ['general.basename', 'general.name'].some((key) => {
    const name = text(model, key)
    return name !== undefined && text(projector, key) === name
  })
}

const prefix = (header: Header): string => ownFilesOf(header)?.visionPrefix ?? 'clip.vision'

export function projectorFacts(header: Header): ProjectorFacts {
  const size = (name: string, range: Range) => whole(header, `${prefix(header)}.${name}`, range)
  const own = ownFilesOf(header)
  const named = text(header, 'clip.vision.projector_type') ?? text(header, 'clip.projector_type')
  const type = own?.projectorType ?? named ?? 'unknown'
  return {
    type,
    imageSize: size('image_size', sides),
    patchSize: size('patch_size', sides),
    embeddingLength: size('embedding_length', embeddingLengths),
    tiling: own?.tiling(header),
    rowsPerTile: own?.rowsPerTile(header),
    pictureCost: pictureCost(header, type),
  }
}

/** Of a file that lacks what the rule goes by nothing is known. */
function pictureCost(header: Header, type: string): PictureCost | undefined {
  const cost = familyOf(type).pictureCost?.(header, type)
  return cost && Number.isFinite(tokensOf(cost, { width: 640, height: 480 })) ? cost : undefined
}
