/** Ollama's options -> sampling. Pure. Ollama takes any number: beyond what makes sense, the nearest that does is meant. */
import { defaults, type Sampling } from '../../inference/question.ts'
import { listOf } from '../schema.ts'
import type { ChatRequest } from './schema.ts'

/** More than any vocabulary has. */
const mostTopK = 1_000_000

export function samplingOf(options: ChatRequest['options'], contextSize: number): Sampling {
  const asked = options ?? {}
  const { presence_penalty, frequency_penalty, seed } = asked
  const tokens = whole(asked.num_predict ?? 0, 0, contextSize)
  return {
    max_tokens: tokens === 0 ? contextSize : tokens,
    temperature: within(asked.temperature ?? defaults.temperature, 0, 2),
    top_p: within(asked.top_p ?? defaults.top_p, 0, 1),
    top_k: whole(asked.top_k ?? defaults.top_k, 0, mostTopK),
    min_p: within(asked.min_p ?? defaults.min_p, 0, 1),
    repeat_penalty: repeatPenalty(asked.repeat_penalty ?? defaults.repeat_penalty),
    ...repeatLast(asked.repeat_last_n, contextSize),
    ...(presence_penalty == null ? {} : { presence_penalty: within(presence_penalty, -2, 2) }),
    ...(frequency_penalty == null ? {} : { frequency_penalty: within(frequency_penalty, -2, 2) }),
    // The engine's seeds have 32 bits.
    ...(seed == null ? {} : { seed: seed >>> 0 }),
    stop: listOf(asked.stop),
  }
}

const within = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))

const whole = (value: number, least: number, most: number): number => within(Math.trunc(value), least, most)

/** Open WebUI sends OpenAI's `frequency_penalty` under this name, where nought is none. */
const repeatPenalty = (asked: number): number =>
  asked > 0 ? within(asked, 0.01, 10) : defaults.repeat_penalty

function repeatLast(asked: number | null | undefined, contextSize: number): Pick<Sampling, 'repeat_last_n'> {
  if (asked == null) return {}
  return { repeat_last_n: asked < 0 ? contextSize : whole(asked, 0, contextSize) }
}
