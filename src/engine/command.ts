/**
 * Settings + model facts -> the engine's command line and environment. Pure. Every setting that matters is passed,
 * because llama-server otherwise takes it from config files, environment variables or the machine.
 */
import type { ModelFacts } from '../model/facts.ts'
import { familyOf } from '../model/families/known-families.ts'
import { rowsInRoom } from '../model/picture-room.ts'
import { imageTokenCap } from '../model/picture-share.ts'
import type { ModelSettings } from '../model/settings.ts'

export type EngineCommand = { arguments: string[]; environment: Record<string, string> }

/** Tokens per step. Small steps make progress and cancellation finer at little cost on a CPU. */
export function batchSize(model: ModelFacts): number {
  return familyOf(model.projector.type).wholePictures ? 2048 : 512
}

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
  const rows = rowsInRoom(model, settings)
  const { chatTemplate, trainedInBf16 } = familyOf(model.projector.type)
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
      ...(rows === undefined ? [] : ['--ctx-cross', String(rows)]),
      ...(chatTemplate === undefined ? [] : ['--chat-template', chatTemplate]),
      // Any bytes that a model writes are an answer; the parser of chats ends at those that are no UTF-8.
      '--skip-chat-parsing',
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
      ...(trainedInBf16 && settings.precision === 'auto' ? { GGML_CPU_F16_WAS_BF16: '1' } : {}),
    },
  }
}
