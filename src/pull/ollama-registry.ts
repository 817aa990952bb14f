/** A name in a registry that speaks Ollama's protocol -> the layers that are GGUF files. */
import { ggufLayers, ollamaLibrary, ollamaRegistry, parseOllamaName } from '../model/ollama-store.ts'
import { type RemoteFile, safeName } from './remote-file.ts'
import { asSha256, PullProblem, readJson, type Web } from './requests.ts'

/** Throws `PullProblem` where the manifest names no GGUF file. */
export async function ollamaFiles(source: string, registry: string, web: Web): Promise<RemoteFile[]> {
  const name = parseOllamaName(source.slice('ollama:'.length))
  const isNone = new PullProblem(`${source} is no name of an Ollama model; expected ollama:name:tag`)
  if (!name) throw isNone
  const { host, namespace, model, tag } = name
  const base = `${host === ollamaRegistry ? registry : `https://${host}`}/v2/${namespace}/${model}`
  // Ollama's rules for hosts allow more than an address can hold.
  if (!URL.canParse(base)) throw isNone
  const accept = 'application/vnd.docker.distribution.manifest.v2+json'
  const { json } = await readJson(web, `${base}/manifests/${tag}`, accept)
  const layers = ggufLayers(json)
  if (!layers) throw new PullProblem(`${source} has no GGUF file: its manifest names none`)
  const fileName = `${namespace === ollamaLibrary ? '' : `${namespace}-`}${model}-${tag}.gguf`
  return [
    { name: fileName, layer: layers.model },
    ...(layers.projector ? [{ name: `mmproj-${fileName}`, layer: layers.projector }] : []),
  ].map(({ name, layer }) => ({
    name: safeName(name),
    address: `${base}/blobs/${layer.digest.replace('-', ':')}`,
    size: layer.size,
    sha256: asSha256(layer.digest.slice('sha256:'.length)),
  }))
}
