/** MODEL_NAME -> files: a file in MODEL_PATH, a model that comes along, one in an Ollama store, one that was pulled. */
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { type Config, ConfigError, packageRoot } from '../config.ts'
import { ggufFiles } from './model-folder.ts'
import { ModelProblem } from './model-problem.ts'
import { nameInStore, parseOllamaName, resolveInStore } from './ollama-store.ts'
import { readSmall } from './regular-file.ts'
import type { ModelSettings } from './settings.ts'
import { huggingFaceForms, huggingFaceSource, sourceName } from './source-name.ts'

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
  const { path, projector } = await modelFiles(name, folder, ollamaStore)
  return { path, mmproj: mmproj === '' ? projector : await namedProjector(mmproj, path, folder) }
}

type ModelFiles = { path: string; projector: string }

async function modelFiles(name: string, folder: string, ollamaStore: string): Promise<ModelFiles> {
  const shipped = shippedModels.get(name)
  if (shipped) return { path: join(packageRoot, 'models/demo', shipped), projector: '' }
  const stored = nameInStore(name)
  if (stored === undefined && !isRemote(name)) return { path: resolve(folder, name), projector: '' }
  const [model, ...others] = (await pulledFrom(folder))[sourceKey(name)] ?? []
  // What was pulled from Ollama's registry may be gone again, and in the store still.
  if (model !== undefined && (stored === undefined || (await isThere(join(folder, model))))) {
    // The others are its further pieces and its projector.
    return { path: join(folder, model), projector: others.find((other) => /mmproj/i.test(other)) ?? '' }
  }
  if (stored !== undefined) {
    const { path, mmprojPath } = await resolveInStore(ollamaStore, stored)
    return { path, projector: mmprojPath ?? '' }
  }
  const told = sourceName(name)
  throw new ModelProblem(
    `${told} has not been fetched into ${folder}, which MODEL_PATH names; run: llama-vision pull ${told}`,
  )
}

/** Beside the model, as projectors lie, or in MODEL_PATH, as for a model of an Ollama store. */
async function namedProjector(mmproj: string, model: string, folder: string): Promise<string> {
  const beside = resolve(dirname(model), mmproj)
  const inFolder = resolve(folder, mmproj)
  return !(await isThere(beside)) && (await isThere(inFolder)) ? inFolder : beside
}

const isRemote = (name: string): boolean => /^(hf:|https?:\/\/)/.test(name)
const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Throws `ConfigError` for a name that says where the model is in a way that no model has. */
export function requireModelName({ MODEL_NAME: name }: Pick<Config, 'MODEL_NAME'>): void {
  const stored = nameInStore(name)
  const isWrong =
    stored === undefined
      ? /^hf:|^[a-z][a-z\d+.-]*:\/\//i.test(name) && !huggingFaceSource.test(name) && !isAddress(name)
      : parseOllamaName(stored) === undefined
  if (!isWrong) return
  throw new ConfigError(
    `MODEL_NAME is ${sourceName(name)}; names of that kind look like ${huggingFaceForms}, https://host/file.gguf or ollama:name:tag`,
  )
}

const isAddress = (name: string): boolean => /^https?:\/\//.test(name) && URL.canParse(name)

/** What one is pulled and asked for by: Ollama has several names for the same model. */
function sourceKey(source: string): string {
  const stored = nameInStore(source)
  const parts = stored === undefined ? undefined : parseOllamaName(stored)
  if (!parts) return sourceName(source)
  const { host, namespace, model, tag } = parts
  return `ollama:${host}/${namespace}/${model}:${tag}`.toLowerCase()
}

/** What was pulled into this folder, by `sourceKey`; nothing when the list is missing or is none. */
async function pulledFrom(folder: string): Promise<Pulled> {
  const text = await readSmall(join(folder, pulledFile), pulledBytes).catch(() => '{}')
  try {
    const pulled: unknown = JSON.parse(text)
    if (!Value.Check(pulledSchema, pulled)) return {}
    // Lists of before hold addresses with their secrets.
    return Object.fromEntries(Object.entries(pulled).map(([source, files]) => [sourceKey(source), files]))
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
