/** Makes the fake engine an executable, with a model folder that the supervisor accepts. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, loadConfig } from '../../src/config.ts'
import type { Log } from '../../src/engine/log.ts'
import type { Engine } from '../../src/engine/supervisor.ts'
import { type Timings, timings } from '../../src/engine/timings.ts'
import type { ChatBody, ChatEvent } from '../../src/engine/wire.ts'
import type { FakeStart } from './fake-llama.ts'
import { layerTensors, writeGguf } from './gguf.ts'

/** Settings of a service whose engine is the fake one. `folder` is the test's own. */
export function fakeEngineConfig(
  folder: string,
  start: FakeStart = '',
  env: Record<string, string> = {},
): Config {
  const program = join(import.meta.dirname, 'fake-llama-server.ts')
  const wrapper = join(folder, 'llama-server')
  // The engine's environment is scrubbed, so what the fake needs to know travels in its wrapper. What tap adds to every
  // process would write a file at its end, where an engine may not.
  writeFileSync(
    wrapper,
    `#!/bin/sh\nunset NODE_OPTIONS\nFAKE_START='${start}' exec '${process.execPath}' --import '${import.meta.resolve('tsx')}' '${program}' "$@"\n`,
  )
  chmodSync(wrapper, 0o755)
  const models = join(folder, 'models')
  mkdirSync(models, { recursive: true })
  writeModelPair(models)
  return loadConfig({
    MODEL_PATH: models,
    MODEL_NAME: 'tiny.gguf',
    ENGINE_PATH: wrapper,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...env,
  })
}

/** `tiny.gguf` and `tiny-mmproj.gguf`: hardly more than headers, which are all that the service itself reads. */
export function writeModelPair(folder: string): void {
  const metadata = {
    'general.architecture': 'llama',
    'general.name': 'tiny',
    'general.description': 'a model of headers',
    'llama.block_count': 2,
    'llama.context_length': 4096,
    'llama.embedding_length': 64,
    'llama.attention.head_count': 4,
    'llama.attention.head_count_kv': 2,
    'tokenizer.ggml.tokens': ['a', '<|im_start|>', '<|im_end|>'],
    'tokenizer.ggml.token_type': [1, 3, 3],
  }
  writeGguf(join(folder, 'tiny.gguf'), metadata, layerTensors(2))
  writeGguf(join(folder, 'tiny-mmproj.gguf'), {
    'general.architecture': 'clip',
    'general.name': 'tiny',
    'clip.projector_type': 'janus_pro',
    'clip.vision.projection_dim': 64,
    'clip.vision.image_size': 128,
    'clip.vision.patch_size': 16,
    'clip.vision.embedding_length': 32,
  })
}

/** The supervisor's times, short enough for a test. */
export const quickTimings: Timings = {
  ...timings,
  healthPoll: 10,
  filesPoll: 50,
  backoffFirst: 50,
  backoffMost: 200,
  slowRetry: 300,
  watch: 100,
  misses: 2,
  busyMisses: 2,
  lastWords: 50,
}

/** All events of one chat. */
export async function answer(engine: Engine, text: string): Promise<ChatEvent[]> {
  const content = [{ type: 'text' as const, text }]
  const body: ChatBody = { messages: [{ role: 'user', content }], max_tokens: 8, temperature: 0 }
  const events: ChatEvent[] = []
  for await (const event of engine.chat(body, new AbortController().signal, () => {})) events.push(event)
  return events
}

/** A log that keeps its lines. */
export function keptLog(): Log & {
  lines: { level: string; message: string; facts: Record<string, unknown> }[]
} {
  const lines: { level: string; message: string; facts: Record<string, unknown> }[] = []
  const level = (name: string) => (facts: object, message: string) => {
    lines.push({ level: name, message, facts: facts as Record<string, unknown> })
  }
  return { lines, debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') }
}
