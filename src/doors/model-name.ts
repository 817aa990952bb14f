/** Which names mean the loaded model. One model is loaded; a client that asks for another is told which one. */
import { entriesOf } from '../config.ts'
import { failure } from '../errors.ts'

export type ModelNames = {
  /** The name to answer with. */
  name: string
  /** Throws `model_not_found` for the name of another model; no name at all means the loaded one. */
  require(asked: string | null | undefined): void
}

export function modelNames(name: string, aliases: string): ModelNames {
  const given = [name, ...entriesOf(aliases)]
  const known = new Set(given.map(plain))
  return {
    name,
    require(asked) {
      if (!asked || known.has(plain(asked))) return
      throw failure('model_not_found', {
        field: 'model',
        actual: asked.slice(0, 200),
        expected: given.join(', '),
      })
    },
  }
}

/** `Llama.gguf`, `llama` and `llama:latest` are one name; a source such as `ollama:` before it does not count. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/^(ollama|hf):/, '')
    .replace(/:latest$/, '')
    .replace(/\.gguf$/, '')
