/**
 * The names of the model that is served: which a client may say, and which it is listed under. A client that asks for
 * another is told what there is.
 */
import { failure } from '../errors.ts'
import type { ModelSettings } from '../model/settings.ts'

/** More than any file is called. */
const longestName = 1000

/** The model, if `asked` is a name of it; none at all is. Throws `model_not_found` for the name of another. */
export function requireModel(model: ModelSettings, asked: string | null | undefined): ModelSettings {
  if (!asked || isNameOf(model, asked)) return model
  throw failure('model_not_found', {
    field: 'model',
    actual: asked.slice(0, 200),
    expected: givenNames(model).map(shortest).join(', '),
  })
}

export function isNameOf(model: ModelSettings, asked: string): boolean {
  const wanted = plain(asked.slice(0, longestName))
  return [...givenNames(model), ...listedNames(model)].some((name) => plain(name) === wanted)
}

/**
 * What the model is listed as, the served name first and each once. Ollama's clients look for what they were told with
 * or without `:latest`, so both are there.
 */
export function listedNames(model: ModelSettings): string[] {
  const names = new Map<string, string>()
  for (const name of givenNames(model).flatMap(spoken)) {
    if (!names.has(name.toLowerCase())) names.set(name.toLowerCase(), name)
  }
  return [...names.values()]
}

const givenNames = ({ name, aliases }: ModelSettings): string[] => [name, ...aliases]

const source = /^(ollama|hf):/i
/** What Ollama's names may begin with. */
const registry = /^(registry\.ollama\.ai\/library|registry\.ollama\.ai|library|hf\.co|huggingface\.co)\//i

/** Without what only tells where it comes from: `llama3.2-vision:11b`, `owner/repo:Q4_K_M`, `tiny.gguf`. */
function shortest(name: string): string {
  const short = name.replace(source, '').replace(registry, '')
  return /([^/]+\.gguf)$/i.exec(short)?.[1] ?? short
}

/** A name as clients say it; of a source, the tag is the one there is, so it need not be said. */
function spoken(given: string): string[] {
  const name = shortest(given)
  if (/\.gguf$/i.test(name)) return [name, ...tagged(name.slice(0, -'.gguf'.length))]
  const [, bare, tag] = /^(.+):([^:/]+)$/.exec(name) ?? []
  if (bare === undefined || tag === undefined) return tagged(name)
  return source.test(given) ? [name, ...tagged(bare)] : [name]
}

const tagged = (name: string): string[] => [name, `${name}:latest`]

/** `Llama.gguf`, `llama` and `llama:latest` are one name, wherever it is said to come from. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(source, '')
    .replace(registry, '')
    .replace(/:latest$/, '')
    .replace(/\.gguf$/, '')
