/**
 * Settings + model facts -> the engine's command line and environment. Pure. Every setting that matters is passed,
 * because llama-server otherwise takes it from config files, environment variables or the machine.
 */
import type { ModelFacts } from '../model/facts.ts'
import { llamaVision } from '../model/projector.ts'
import type { ModelSettings } from '../model/settings.ts'

export type EngineCommand = { arguments: string[]; environment: Record<string, string> }

/**
 * Picture tokens that llama.cpp v0.5.0 allows for the models that let them vary (tools/mtmd/clip.cpp,
 * set_limit_image_tokens), by projector type. Other models ignore a cap.
 */
const pictureTokens: Record<string, readonly [least: number, most: number]> = {
  qwen2vl_merger: [8, 4096],
  'qwen2.5vl_merger': [8, 4096],
  qwen3vl_merger: [8, 4096],
  glm4v: [8, 4096],
  pixtral: [8, 1024],
  kimivl: [8, 1024],
  kimik25: [2, 4096],
  lfm2: [64, 256],
  gemma4v: [70, 1120],
  gemma4uv: [70, 1120],
  minimax_m3: [8, 576],
  'muse-glimmer': [1, 4096],
  youtuvl: [1, 62_500],
  hunyuanvl: [256, 16_384],
}

/** These look at all of a picture's tokens at once: the engine aborts unless one batch holds them all. */
const wholePictureProjectors = new Set(['gemma3', 'gemma3nv', 'gemma4v', 'gemma4uv', 'deepseek4v'])

/** Tokens per step. Small steps make progress and cancellation finer at little cost on a CPU. */
export function batchSize(model: ModelFacts): number {
  return wholePictureProjectors.has(model.projector.type) ? 2048 : 512
}

/** The cap on one picture's tokens, or undefined for models whose pictures always take the same number. */
export function imageTokenCap(settings: ModelSettings, model: ModelFacts): number | undefined {
  const range = pictureTokens[model.projector.type]
  if (!range) return undefined
  const [least, most] = range
  return Math.min(most, Math.max(least, settings.imageMaxTokens || Math.floor(settings.contextTokens / 2)))
}

/**
 * The layout that Llama 3.2 Vision was trained with. Its files' own template adds a system message with dates, which
 * belongs to prompts without a picture, because the engine's templates do not see that there is one.
 */
const llamaVisionTemplate = [
  '{{ bos_token }}{% for message in messages %}',
  "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}",
  '{% endfor %}{% if add_generation_prompt %}',
  "{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}",
  '{% endif %}',
].join('')

export type EngineSurroundings = {
  threads: number
  /** Path of the UNIX socket to listen on: at most 107 bytes. */
  socketPath: string
  /** An empty folder of our own, so that no config file of the user's is found. */
  homePath: string
}

export function engineCommand(
  settings: ModelSettings,
  model: ModelFacts,
  { threads, socketPath, homePath }: EngineSurroundings,
): EngineCommand {
  const batch = String(batchSize(model))
  const cap = imageTokenCap(settings, model)
  return {
    arguments: [
      ...['--model', model.path],
      ...['--mmproj', model.mmprojPath],
      ...['--alias', settings.name],
      ...['--host', socketPath],
      '--offline',
      ...['--gpu-layers', '0'],
      // Weights are rearranged for the CPU while they are read; mapped as well, most of them would take memory twice.
      ...['--load-mode', 'none'],
      ...['--parallel', String(settings.slots)],
      // Each slot a context of its own: in a shared one, a long request makes the others fail.
      '--no-kv-unified',
      ...['--ctx-size', String(settings.contextTokens * settings.slots)],
      ...['--predict', String(settings.contextTokens)],
      ...['--batch-size', batch],
      ...['--ubatch-size', batch],
      ...['--threads', String(threads)],
      ...['--threads-batch', String(threads)],
      ...['--fit', 'off'],
      ...['--cache-ram', String(settings.promptCacheMib)],
      ...(cap === undefined ? [] : ['--image-max-tokens', String(cap)]),
      ...(model.architecture === llamaVision ? ['--chat-template', llamaVisionTemplate] : []),
      // Thinking would use up the answer's tokens without ever showing in it.
      ...['--reasoning', 'off'],
      ...['--log-colors', 'off'],
      ...['--verbosity', '3'],
    ],
    environment: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: homePath,
      XDG_CONFIG_HOME: homePath,
      LANG: 'C.UTF-8',
      // Without it an abort first looks for a debugger to print a backtrace with.
      GGML_NO_BACKTRACE: '1',
    },
  }
}
