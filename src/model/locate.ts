/** MODEL_NAME -> files: a file in MODEL_PATH, a model that comes along, one in an Ollama store, one that was pulled. */
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { packageRoot } from '../config.ts'
import { ggufFiles } from './model-folder.ts'
import { ModelProblem } from './model-problem.ts'
import { nameInStore, resolveInStore } from './ollama-store.ts'
import { readSmall } from './regular-file.ts'
import type { ModelSettings } from './settings.ts'
import { sourceName } from './source-name.ts'

/** What tells where a model is. */
export type ModelPlace = Pick<ModelSettings, 'name' | 'folder' | 'mmproj' | 'ollamaStore'>

/** `mmproj` is the projector to take, a name beside the model or a path; empty to look for one. */
export type Located = { path: string; mmproj: string }

const shippedModels = new Map([
  ['demo', 'demo-q4_k_m.gguf'],
  ['demo-mmproj', 'demo-text-q4_k_m.gguf'],
])

/** In MODEL_PATH: which files each source was pulled to, the model's first; sources by `sourceName`. */
export const pulledFile = 'pulled.json'
export const pulledSchema = Type.Record(Type.String(), Type.Array(Type.String(), { minItems: 1 }))
const pulledBytes = 2 ** 20
type Pulled = Static<typeof pulledSchema>

/** Throws `ModelProblem` for a name that says where the model is, when it is not there. */
export async function locateModel({ name, folder, mmproj, ollamaStore }: ModelPlace): Promise<Located> {
  const shipped = shippedModels.get(name)
  if (shipped) return { path: join(packageRoot, 'models/demo', shipped), mmproj }
  const stored = nameInStore(name)
  if (stored !== undefined) {
    const { path, mmprojPath } = await resolveInStore(ollamaStore, stored)
    return { path, mmproj: mmproj || (mmprojPath ?? '') }
  }
  if (isRemote(name)) {
    const [model, ...others] = (await pulledFrom(folder))[sourceName(name)] ?? []
    if (model === undefined) {
      const told = sourceName(name)
      throw new ModelProblem(`${told} has not been fetched yet; run: llama-vision pull ${told}`)
    }
    // The others are its further pieces and its projector.
    const projector = others.find((other) => /mmproj/i.test(other)) ?? ''
    return { path: join(folder, model), mmproj: mmproj || projector }
  }
  return { path: resolve(folder, name), mmproj }
}

const isRemote = (name: string): boolean => /^(hf:|https?:\/\/)/.test(name)

/** What was pulled into this folder; nothing when the list is missing or is none. */
export async function pulledFrom(folder: string): Promise<Pulled> {
  const text = await readSmall(join(folder, pulledFile), pulledBytes).catch(() => '{}')
  try {
    const pulled: unknown = JSON.parse(text)
    if (!Value.Check(pulledSchema, pulled)) return {}
    // Lists of before hold addresses with their secrets.
    return Object.fromEntries(Object.entries(pulled).map(([source, files]) => [sourceName(source), files]))
  } catch {
    return {}
  }
}

/** Names, sizes and times of the files a model could come from: changes when looking again makes sense. */
export async function modelFilesFingerprint(place: ModelPlace): Promise<string> {
  const located = await locateModel(place).catch((error: unknown) => String(error))
  if (typeof located === 'string') return `${located} ${await mark(join(place.folder, pulledFile))}`
  const folder = dirname(located.path)
  const files = (await ggufFiles(folder)).map((file) => join(folder, file))
  const marks = await Promise.all([...new Set([located.path, ...files])].map(mark))
  return marks.join('\n')
}

const mark = (path: string): Promise<string> =>
  stat(path).then(
    ({ size, mtimeMs }) => `${path} ${size} ${mtimeMs}`,
    () => `${path} is missing`,
  )
