/**
 * Models in an Ollama store, read where they lie: manifests name the blobs, and blobs are plain GGUF files. Nothing is
 * written or copied. Names and digests become parts of paths, so both are held to strict patterns first.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { mostFiles, namesIn } from './model-folder.ts'
import { ModelProblem } from './model-problem.ts'
import { readSmall } from './regular-file.ts'

/** Absolute where `store` was; `mmprojPath` is set where the projector is a blob of its own. */
export type StoredModel = { path: string; mmprojPath: string | undefined }

/** A name with all that Ollama adds to it. */
export type OllamaName = { host: string; namespace: string; model: string; tag: string }

export const ollamaRegistry = 'registry.ollama.ai'
export const ollamaLibrary = 'library'

const manifestSchema = Type.Object({
  layers: Type.Array(
    Type.Object({
      mediaType: Type.String(),
      digest: Type.String({ pattern: '^sha256[:-][0-9a-fA-F]{64}$' }),
      size: Type.Integer({ minimum: 0 }),
    }),
  ),
})
type Layer = Static<typeof manifestSchema>['layers'][number]

/** What follows `ollama:` in a MODEL_NAME; undefined for other names. */
export const nameInStore = (modelName: string): string | undefined =>
  modelName.startsWith('ollama:') ? modelName.slice('ollama:'.length) : undefined

/** The parts of `[host/][namespace/]model[:tag]`, by Ollama's own rules; undefined when it is none. */
export function parseOllamaName(name: string): OllamaName | undefined {
  const parts =
    /^(?:(?:(?<host>\w[\w.:-]{0,349})\/)?(?<namespace>\w[\w-]{0,79})\/)?(?<model>\w[\w.-]{0,79})(?::(?<tag>\w[\w.-]{0,79}))?$/.exec(
      name,
    )?.groups
  if (!parts?.model) return undefined
  const { host = ollamaRegistry, namespace = ollamaLibrary, model, tag = 'latest' } = parts
  return { host, namespace, model, tag }
}

/** The GGUF files that a manifest names; undefined when it names none or is no manifest. */
export function ggufLayers(manifest: unknown): { model: Layer; projector: Layer | undefined } | undefined {
  if (!Value.Check(manifestSchema, manifest)) return undefined
  const layerOf = (kind: string) =>
    manifest.layers.find(({ mediaType }) => mediaType === `application/vnd.ollama.image.${kind}`)
  const model = layerOf('model')
  return model && { model, projector: layerOf('projector') }
}

/**
 * Finds the files of a model such as `llama3.2-vision:11b` in `store`, the folder with `manifests` and `blobs` or the
 * one above it. Throws `ModelProblem` when the store, the model or one of its files is not there.
 */
export async function resolveInStore(store: string, name: string): Promise<StoredModel> {
  const wanted = parseOllamaName(name)
  if (!wanted) {
    throw new ModelProblem(
      `ollama:${name} is no name of an Ollama model; expected ollama:NAME:TAG, such as ollama:llama3.2-vision:11b`,
    )
  }
  const root = await storeRoot(store)
  if (!root) {
    throw new ModelProblem(
      (await isClosed(store))
        ? `ollama:${name} cannot be looked for: this user may not read the Ollama store ${store}. Make it readable, or set OLLAMA_STORE to another`
        : `ollama:${name} not found: ${store} is no Ollama store, which has folders manifests and blobs. Set OLLAMA_STORE to Ollama's folder, such as ~/.ollama (in a container, mount it there), or run: llama-vision pull ollama:${name}`,
    )
  }
  const path = await manifestPath(root, wanted)
  if (!path) {
    const names = await listStore(root)
    throw new ModelProblem(
      `ollama:${name} (${pathOf(wanted)}) not found in the Ollama store ${root}, which has: ${names.join(', ') || 'no models'}. Set MODEL_NAME to one of them, after ollama:, or OLLAMA_STORE to another store, or run: llama-vision pull ollama:${name}`,
    )
  }
  const layers = ggufLayers(await readManifest(path))
  if (!layers) {
    throw new ModelProblem(
      `ollama:${name} has no GGUF file: its manifest ${path} names none, as for models that run elsewhere or that are stored in another format`,
    )
  }
  const { model, projector } = layers
  return {
    path: await blobPath(root, model, name),
    mmprojPath: projector && (await blobPath(root, projector, name)),
  }
}

/** The store's models, named as `ollama list` names them; empty where there is no readable store. */
export async function listStore(store: string): Promise<string[]> {
  const root = await storeRoot(store)
  return root ? (await modelsIn(root)).map(shortName).sort() : []
}

async function storeRoot(store: string): Promise<string | undefined> {
  for (const root of [store, join(store, 'models')]) {
    const manifests = await stat(join(root, 'manifests')).catch(() => undefined)
    if (manifests?.isDirectory()) return root
  }
  return undefined
}

const isClosed = (store: string): Promise<boolean> =>
  stat(join(store, 'models')).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'EACCES',
  )

/** A manifest lies four names deep, whatever links there are; of a large store the first are told. */
async function modelsIn(root: string): Promise<OllamaName[]> {
  let paths = ['']
  for (let depth = 0; depth < 4; depth += 1) {
    const deeper: string[] = []
    for (const path of paths) {
      const names = await namesIn(join(root, 'manifests', path), () => true, mostFiles - deeper.length)
      deeper.push(...names.map((name) => join(path, name)))
      if (deeper.length === mostFiles) break
    }
    paths = deeper
  }
  return paths.flatMap((path) => {
    const [host, namespace, model, tag] = path.split('/')
    return parseOllamaName(`${host}/${namespace}/${model}:${tag}`) ?? []
  })
}

const pathOf = ({ host, namespace, model, tag }: OllamaName): string => join(host, namespace, model, tag)

function shortName({ host, namespace, model, tag }: OllamaName): string {
  const short = `${model}:${tag}`
  if (host !== ollamaRegistry) return `${host}/${namespace}/${short}`
  return namespace === ollamaLibrary ? short : `${namespace}/${short}`
}

/** Ollama takes names that differ in case only for the same. */
async function manifestPath(root: string, wanted: OllamaName): Promise<string | undefined> {
  const pathTo = (name: OllamaName) => join(root, 'manifests', pathOf(name))
  if (await stat(pathTo(wanted)).catch(() => undefined)) return pathTo(wanted)
  const found = (await modelsIn(root)).find(
    (name) => pathOf(name).toLowerCase() === pathOf(wanted).toLowerCase(),
  )
  return found && pathTo(found)
}

/** Ollama's own have a few hundred bytes. */
const manifestBytes = 2 ** 20

async function readManifest(path: string): Promise<unknown> {
  const text = await readSmall(path, manifestBytes)
  try {
    return JSON.parse(text)
  } catch {
    throw new ModelProblem(`${path} is no manifest of an Ollama model; run ollama pull again`)
  }
}

/** Stores of 2023 have a colon in the names of blobs, as the digests in manifests still have. */
async function blobPath(root: string, { digest }: Layer, name: string): Promise<string> {
  const hex = digest.slice('sha256:'.length)
  const paths = ['-', ':'].map((separator) => join(root, 'blobs', `sha256${separator}${hex}`))
  for (const path of paths) {
    if ((await stat(path).catch(() => undefined))?.isFile()) return path
  }
  throw new ModelProblem(
    `${paths[0]}, a file of ollama:${name}, is not in the store or not readable; run ollama pull ${name} again`,
  )
}
