/**
 * Every setting of the service: environment variable, default, range, one sentence, and for a limit the failure that
 * answers what is beyond it (`answers`, a code of `errors.ts`). `npm run docs` writes the settings' page and the table
 * of limits from it. An empty variable counts as unset, so that compose files can pass `${NAME:-}` through.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import {
  containerModels,
  containerStore,
  type Environment,
  usualModels,
  usualStore,
  withHome,
} from './places.ts'
import { accepts, choice, expectation, list, wholeOrAutomatic } from './setting-kinds.ts'

/** The folder of our package.json: the same whether we run from `src/`, from `dist/` or in the image. */
export const packageRoot = (() => {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return folder
})()

export const ownVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version

const seconds = { unit: 'seconds' }

export const settings = Type.Object({
  MODEL_NAME: Type.String({
    default: 'llama-3.2-11b-vision-instruct-q4_k_m.gguf',
    description:
      'File name of the GGUF model in `MODEL_PATH`; `ollama:llama3.2-vision:11b` for one in an Ollama store; `hf:owner/repo:Q4_K_M` or an https address for one that `llama-vision pull` fetched. `demo` is the tiny model that comes with the service, `demo-mmproj`, which an installed package lacks, another that comes as text and mmproj.',
  }),
  MODEL_PATH: Type.String({
    default: containerModels,
    description:
      'Folder that holds the model. Where there is no `/models`, as outside of the container, it is `~/.local/share/llama-vision`.',
  }),
  OLLAMA_STORE: Type.String({
    default: containerStore,
    description:
      "Folder of Ollama's models. Where there is no `/ollama`, as outside of the container, they are looked for in `OLLAMA_MODELS`, `~/.ollama` and `/usr/share/ollama/.ollama`. Nothing in it is changed.",
  }),
  MMPROJ_NAME: Type.String({
    default: '',
    description:
      "File name of the model's vision projector, beside the model or in `MODEL_PATH`. Found by itself when empty.",
  }),
  MODEL_ALIASES: list({
    description:
      'Further names, separated by commas, by which OpenAI and Ollama clients may ask for the model, for example `llama3.2-vision,gpt-4o`.',
  }),
  PORT: Type.Integer({ default: 5000, minimum: 0, maximum: 65535, description: 'TCP port of the service.' }),
  HOST: Type.String({
    default: '127.0.0.1',
    description: 'Address to listen on. The container image sets `0.0.0.0`.',
  }),
  CONTEXT_SIZE: wholeOrAutomatic({
    minimum: 256,
    maximum: 1_048_576,
    unit: 'tokens',
    answers: 'context_exceeded',
    description:
      'Context of one request: picture, prompt and answer together. 0 takes 2048, or more where a picture of the model needs it and memory allows.',
  }),
  SLOTS: Type.Integer({
    default: 1,
    minimum: 1,
    maximum: 64,
    description:
      'Requests the engine works on at once. Each has a context of its own; pictures still take turns.',
  }),
  THREADS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1024,
    description: 'Threads of the engine. 0 takes what the CPU affinity and the cgroup quota allow.',
  }),
  ENGINE_PRECISION: choice(['auto', 'full'], {
    default: 'auto',
    description:
      'Arithmetic of large products. `auto` rounds to BF16 what belongs to models that were trained in it, which is ' +
      'several times as fast where the CPU has AVX512-BF16 or AMX; `full` leaves weights of F16, and what they are ' +
      'multiplied by, as they are.',
  }),
  IMAGE_MAX_TOKENS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65536,
    unit: 'tokens',
    description:
      'Most tokens one picture may take, for models whose pictures vary in tokens. 0 allows half of the context.',
  }),
  PROMPT_CACHE_MIB: Type.Integer({
    default: 256,
    minimum: 0,
    maximum: 1_048_576,
    unit: 'MiB',
    description: "Memory for the engine's cache of past prompts and pictures. 0 switches it off.",
  }),
  QUEUE_SIZE: Type.Integer({
    default: 8,
    minimum: 0,
    maximum: 10_000,
    unit: 'requests',
    answers: 'queue_full',
    description:
      'Requests that may wait for a slot. Callers take turns; while it is full, those with less than an equal share may still come, until twice as many wait.',
  }),
  QUEUE_TIMEOUT: Type.Integer({
    default: 300,
    minimum: 1,
    maximum: 86_400,
    ...seconds,
    answers: 'queue_timeout',
    description:
      'Longest wait for a slot, by what requests before took: when more is to be expected, a new one is refused at once and told when to come back. Who waits is not sent away; `REQUEST_TIMEOUT` bounds all of a request.',
  }),
  REQUEST_TIMEOUT: Type.Integer({
    default: 600,
    minimum: 1,
    maximum: 86_400,
    ...seconds,
    answers: 'deadline_exceeded',
    description: 'Deadline of a whole request, waiting included.',
  }),
  MAX_BODY_MIB: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 256,
    unit: 'MiB',
    answers: 'body_too_large',
    description: 'Largest request body.',
  }),
  MAX_PROMPT_LENGTH: Type.Integer({
    default: 32_768,
    minimum: 1,
    maximum: 10_000_000,
    unit: 'characters',
    answers: 'prompt_too_long',
    description: 'Longest prompt. The context may hold less: then the answer names both token counts.',
  }),
  MAX_IMAGE_PIXELS: Type.Integer({
    default: 50_000_000,
    minimum: 1,
    maximum: 250_000_000,
    unit: 'pixels',
    answers: 'image_too_large',
    description: 'Largest picture, checked before it is decoded.',
  }),
  MAX_IMAGES: Type.Integer({
    default: 8,
    minimum: 1,
    maximum: 64,
    unit: 'pictures',
    answers: 'too_many_images',
    description: 'Most pictures in one request. The context may hold fewer.',
  }),
  MAX_TILES: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1024,
    unit: 'tiles',
    answers: 'too_many_tiles',
    description:
      'Most tiles that the pictures of one request take together, for Llama 3.2 Vision, which keeps them beside the context: 50 MiB a tile and slot for the 11B. 0 is a tile for each of `MAX_IMAGES`, and four at least.',
  }),
  IMAGE_URL_ALLOW: list({
    description:
      'Hosts from which pictures may be fetched by address, separated by commas: `example.com`, `*.example.com`, `*` for any public host, `http://example.com:8080` to permit plain HTTP and a port. Only public addresses are connected to. Empty fetches none.',
  }),
  API_KEYS: list({
    description:
      'Keys, separated by commas, one of which a request must carry as `Authorization: Bearer …`. Empty needs none, which is accepted on loopback addresses only, unless `ALLOW_OPEN` is 1.',
  }),
  ALLOW_OPEN: choice(['0', '1'], {
    default: '0',
    description: 'Whether other machines may ask without a key. The container image sets 1.',
  }),
  RATE_LIMIT: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_000_000,
    unit: 'requests per minute',
    answers: 'rate_limited',
    description:
      'Most questions of one API key or, without keys, of one address (IPv6: of one /64). 0 is no limit.',
  }),
  ALLOWED_HOSTS: list({
    description:
      'Names, separated by commas, by which browsers and other clients may ask, for example that of a proxy in front: `vision.example.com`, `*.example.com`, `*` for any. Addresses, names without a dot, and those below `.localhost`, `.local`, `.internal` and `.home.arpa` need not be listed.',
  }),
  TRUST_PROXY: list({
    description:
      "Addresses of proxies in front, separated by commas: `10.0.0.7`, `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`. What they tell of their clients' addresses and of the name that was asked for is believed. Empty believes nobody.",
  }),
  CORS_ORIGINS: list({
    description:
      "Origins, separated by commas, whose pages may ask from a browser, `*` for all. Empty allows the service's own page only.",
  }),
  VISION_CHECK: choice(['auto', 'on', 'off'], {
    default: 'auto',
    description:
      'Whether a tiny picture must be answered before the service reports itself healthy. `auto` does so for models up to 2 GiB.',
  }),
  MEMORY_CHECK: choice(['on', 'off'], {
    default: 'on',
    description: 'Whether a model that cannot fit into memory is refused before it is loaded.',
  }),
  SHUTDOWN_GRACE: Type.Integer({
    default: 60,
    minimum: 0,
    maximum: 3600,
    ...seconds,
    answers: 'shutting_down',
    description: 'Time that requests under way get to finish after SIGTERM.',
  }),
  LOG_LEVEL: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
    description: "Least level that is logged. `debug` includes the engine's own lines.",
  }),
  ENGINE_PATH: Type.String({
    default: '',
    description: 'The `llama-server` to run. Empty takes the one of the set-up (`llama-vision setup`).',
  }),
})

export type Config = Static<typeof settings>

/** The entries of a setting that is a list separated by commas. */
export const entriesOf = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')

/** One line for each wrong variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** What is wrong has its default, and a sentence in `faults` that names it. */
export type Given = { config: Config; faults: string[] }

/** They mean the same wherever the engine runs. */
const paths = ['MODEL_PATH', 'OLLAMA_STORE', 'ENGINE_PATH']

/** The settings of an environment, as far as each can be judged by itself. Space around a value is none of it. */
export function readConfig(env: Environment): Given {
  const given: Record<string, unknown> = {}
  const faults: string[] = []
  for (const [name, schema] of Object.entries<TSchema>(settings.properties)) {
    const text = env[name]?.trim()
    if (!text) continue
    const fault = faultIn(schema, text)
    if (fault) faults.push(`${name} ${fault}`)
    else if (schema.type === 'integer') given[name] = Number(text)
    else given[name] = paths.includes(name) ? resolve(withHome(text, env)) : withHome(text, env)
  }
  given.MODEL_PATH ??= usualModels(env)
  given.OLLAMA_STORE ??= usualStore(env)
  // Each was checked, and the others are defaults.
  return { config: Value.Default(settings, given) as Config, faults }
}

function faultIn(schema: TSchema, text: string): string | undefined {
  if (/\p{Cc}/u.test(text)) return 'holds a line break or another control character'
  if (schema.isList && text.split(',').some((entry) => entry.trim() === ''))
    return 'has an empty entry; entries are separated by single commas'
  const value = schema.type === 'integer' && /^\d+$/.test(text) ? Number(text) : text
  return accepts(schema, value) ? undefined : `must be ${expectation(schema)}, got ${JSON.stringify(text)}`
}

/** Reads the settings from an environment; answers all faults at once. Throws `ConfigError`. */
export function loadConfig(env: Environment): Config {
  const { config, faults } = readConfig(env)
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  return config
}
