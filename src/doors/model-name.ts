/** Which names mean the model that is served. A client that asks for another is told which one there is. */
import { failure } from '../errors.ts'
import type { ModelSettings } from '../model/settings.ts'

/** More than any file is called. */
const longestName = 1000

/** The model, if `asked` is a name of it; none at all is. Throws `model_not_found` for the name of another. */
export function requireModel(model: ModelSettings, asked: string | null | undefined): ModelSettings {
  const given = [model.name, ...model.aliases]
  if (!asked) return model
  const wanted = plain(asked.slice(0, longestName))
  if (given.some((one) => plain(one) === wanted)) return model
  throw failure('model_not_found', {
    field: 'model',
    actual: asked.slice(0, 200),
    expected: given.join(', '),
  })
}

/** `Llama.gguf`, `llama` and `llama:latest` are one name; a source such as `ollama:` before it does not count. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^(ollama|hf):/, '')
    .replace(/:latest$/, '')
    .replace(/\.gguf$/, '')
