/**
 * Which model is served, and how: everything that would change with another model, apart from how the service runs.
 * Who needs it is handed it when it is needed, so that no name or length is fixed before there is a request.
 */
import { type Config, entriesOf } from '../config.ts'
import { sourceName } from './source-name.ts'

export type ModelSettings = {
  /** As the operator wrote it, but for secrets in an address: where the model is found by, and what answers carry. */
  name: string
  /** Further names by which clients may ask for it. */
  aliases: readonly string[]
  /** Folder of models. */
  folder: string
  /** File name or path of the vision projector; '' to look for one. */
  mmproj: string
  /** Folder of Ollama's models. */
  ollamaStore: string
  /** Tokens of one request: pictures, prompt and answer together. */
  contextTokens: number
  /** Most pictures of one request. */
  maxImages: number
  /** Most tiles of one request, for models that keep pictures beside the context; 0 goes by `maxImages`. */
  maxTiles: number
  /** Requests that are worked on at once. */
  slots: number
  /** Most tokens of a picture for models that let it vary; 0 is half the context. */
  imageMaxTokens: number
  /** Memory for work on past prompts. */
  promptCacheMib: number
  /** Whether products may round to BF16 what was trained in it. */
  precision: 'auto' | 'full'
}

export const modelSettings = (config: Config): ModelSettings => ({
  name: sourceName(config.MODEL_NAME),
  aliases: entriesOf(config.MODEL_ALIASES),
  folder: config.MODEL_PATH,
  mmproj: config.MMPROJ_NAME,
  ollamaStore: config.OLLAMA_STORE,
  contextTokens: config.CONTEXT_SIZE,
  maxImages: config.MAX_IMAGES,
  maxTiles: config.MAX_TILES,
  slots: config.SLOTS,
  imageMaxTokens: config.IMAGE_MAX_TOKENS,
  promptCacheMib: config.PROMPT_CACHE_MIB,
  precision: config.ENGINE_PRECISION,
})
