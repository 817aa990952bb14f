/**
 * Every figure that `GET /metrics` shows. Labels take their values from tables of this program, never from a request,
 * so the number of series is bounded.
 */
import { Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

/** Which way a question came in. */
export type Door = 'infer' | 'openai' | 'anthropic' | 'ollama' | 'mcp'

/** Seconds of each stage of an answered question. */
export type Stages = {
  queue: number
  image: number
  prompt: number
  firstToken: number
  total: number
  /** Undefined for answers of one token. */
  perToken: number | undefined
}

/** Read anew at each scrape. */
export type Snapshot = {
  waiting: number
  running: number
  engineState: string
  engineRestarts: number
  gatewayBytes: number
  engineBytes: number
  throttledPeriods: number
  throttledSeconds: number
}

export type Metrics = ReturnType<typeof createMetrics>

/** From a tiny model's milliseconds to an 11B's minutes on a small machine. */
const seconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600]
const secondsPerToken = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2]

export function createMetrics(engineStates: readonly string[], snapshot: () => Promise<Snapshot>) {
  const registry = new Registry()
  const registers = [registry]
  const histogram = (name: string, help: string, buckets = seconds) =>
    new Histogram({ name: `llama_vision_${name}`, help, buckets, registers })
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `llama_vision_${name}`, help, labelNames, registers })
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `llama_vision_${name}`, help, labelNames, registers })

  const stages = {
    queue: histogram('queue_seconds', 'Wait for a slot'),
    image: histogram('image_seconds', 'Preparation of the pictures'),
    prompt: histogram('prompt_seconds', 'Work of the engine on pictures and prompt'),
    firstToken: histogram('time_to_first_token_seconds', 'From the request to the first token of its answer'),
    total: histogram('answer_seconds', 'From the request to the end of its answer'),
  }
  const perToken = histogram('time_per_token_seconds', 'Each token after the first', secondsPerToken)
  const questions = counter('questions_total', 'Questions by the way they came in and how they ended', [
    'door',
    'outcome',
  ])
  const requests = counter('http_requests_total', 'HTTP requests by route and status', ['route', 'status'])
  const promptTokens = counter('prompt_tokens_total', 'Tokens of prompts, pictures and reused ones included')
  const cachedTokens = counter('cached_prompt_tokens_total', 'Tokens of prompts whose work was done before')
  const answerTokens = counter('completion_tokens_total', 'Tokens of answers')

  const waiting = gauge('waiting_requests', 'Requests inside without a slot')
  const running = gauge('running_requests', 'Requests that the engine works on')
  const state = gauge('engine_state', '1 for the state that the engine is in', ['state'])
  const restarts = gauge('engine_restarts', 'Restarts of the engine after crashes')
  const memory = gauge('memory_bytes', 'Resident memory', ['process'])
  const throttledPeriods = gauge('cpu_throttled_periods', 'Periods in which the CPU quota was used up')
  const throttledSeconds = gauge('cpu_throttled_seconds', 'Time for which the CPU quota held processes back')

  return {
    answered(
      door: Door,
      outcome: string,
      took: Stages,
      tokens: { prompt: number; cached: number; answer: number },
    ) {
      questions.inc({ door, outcome })
      stages.queue.observe(took.queue)
      stages.image.observe(took.image)
      stages.prompt.observe(took.prompt)
      stages.firstToken.observe(took.firstToken)
      stages.total.observe(took.total)
      if (took.perToken !== undefined) perToken.observe(took.perToken)
      promptTokens.inc(tokens.prompt)
      cachedTokens.inc(tokens.cached)
      answerTokens.inc(tokens.answer)
    },
    /** `code` is one of the table of failures. */
    failed: (door: Door, code: string) => questions.inc({ door, outcome: code }),
    requested: (route: string, status: number) => requests.inc({ route, status: String(status) }),
    /** Prometheus' text and its media type. */
    async exposition(): Promise<{ mediaType: string; text: string }> {
      const now = await snapshot()
      waiting.set(now.waiting)
      running.set(now.running)
      for (const name of engineStates) state.set({ state: name }, name === now.engineState ? 1 : 0)
      restarts.set(now.engineRestarts)
      memory.set({ process: 'gateway' }, now.gatewayBytes)
      memory.set({ process: 'engine' }, now.engineBytes)
      throttledPeriods.set(now.throttledPeriods)
      throttledSeconds.set(now.throttledSeconds)
      return { mediaType: registry.contentType, text: await registry.metrics() }
    },
  }
}
