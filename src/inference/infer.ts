/**
 * One question in a straight line: room -> pictures -> slot -> engine -> answer. Everything taken is given back in
 * `finally`, in reverse; the one signal stops whatever is under way. Every door asks here, whatever its words are.
 */
import type { Admission } from '../admission.ts'
import type { ChatEvent } from '../engine/client.ts'
import type { Engine } from '../engine/supervisor.ts'
import { Failure, failure, failureAt } from '../errors.ts'
import type { Framing, PreparedImage } from '../image/prepare.ts'
import type { Door, Metrics, Stages } from '../metrics.ts'
import { chatBody } from './chat.ts'
import type { Estimates } from './estimates.ts'
import { type JsonCheck, jsonCheck } from './json-answer.ts'
import { checkTexts, neutralizer } from './prompt.ts'
import type { ImageSource, Outcome, Part, Progress, Question } from './question.ts'

export type InferenceParts = {
  maxPromptLength: number
  maxImages: number
  contextTokens: number
  admission: Admission
  engine: Pick<Engine, 'requireReady' | 'ready' | 'chat' | 'countTokens' | 'status'>
  estimates: Estimates
  metrics: Pick<Metrics, 'answered' | 'failed'>
  /** One picture, or several for a document of more pages. */
  prepareImages: (
    image: ImageSource,
    pages: number,
    framing: Framing,
    signal: AbortSignal,
  ) => Promise<PreparedImage[]>
}

export type Call = {
  question: Question
  door: Door
  signal: AbortSignal
  /** Hears what happens on the way to the answer. */
  tell?: (progress: Progress) => void
}

/** What a question would take, without the engine working on it. */
export type Plan = {
  images: PreparedImage[]
  promptTokens: number
  contextTokens: number
  /** Requests that have to end first. */
  ahead: number
  /** Seconds by what past requests took; null while none has been answered. */
  seconds: { queue: number; prompt: number; generation: number } | null
}

export type Inference = ReturnType<typeof createInference>

export function createInference(parts: InferenceParts) {
  const { admission, engine, estimates, metrics } = parts
  // Built once a model, not once a request: some vocabularies hold thousands of control tokens.
  let neutralize: { tokens: readonly string[]; apply: (prompt: string) => string } | undefined

  async function infer(call: Call): Promise<Outcome> {
    try {
      const outcome = await answer(call)
      const { prompt_tokens: prompt, completion_tokens } = outcome.usage
      metrics.answered(call.door, outcome.finishReason, stagesOf(outcome), {
        prompt,
        cached: outcome.cachedTokens,
        answer: completion_tokens,
      })
      return outcome
    } catch (error) {
      metrics.failed(call.door, error instanceof Failure ? error.code : 'internal_error')
      throw error
    }
  }

  async function answer({ question, signal, tell = () => {} }: Call): Promise<Outcome> {
    const clock = stopwatch()
    const checkJson = check(question)
    engine.requireReady()
    const ticket = admission.enter()
    let engineHolds = false
    try {
      tell({ type: 'queued', position: ticket.ahead })
      const pictures = await prepare(question, signal, tell)
      const images = pictures.flat()
      const imageMs = clock.lap()
      await ticket.slot(signal, (position) => tell({ type: 'queued', position }))
      await engine.ready(signal)
      const queueMs = clock.lap()
      const body = chatBody(question, pictures, safe())
      engineHolds = true
      const { text, end } = await collect(engine.chat(body, signal, ticket.leave), tell)
      estimates.learn(images, end)
      return {
        text,
        finishReason: end.finishReason,
        usage: end.usage,
        images,
        cachedTokens: end.timings.cache_n,
        tokensPerSecond: rounded(end.timings.predicted_per_second),
        timings: {
          queue: queueMs,
          image: imageMs,
          prompt: rounded(end.timings.prompt_ms),
          generation: rounded(end.timings.predicted_ms),
          total: clock.total(),
        },
        jsonFault: checkJson?.({ text, finishReason: end.finishReason }),
      }
    } finally {
      // From the chat on, the slot is free only when the engine says so.
      if (!engineHolds) ticket.leave()
    }
  }

  /** What `infer` would do, as far as it can be known beforehand. Takes room while it looks, but no slot. */
  async function plan({ question, signal }: Omit<Call, 'door'>): Promise<Plan> {
    check(question)
    engine.requireReady()
    const queueSeconds = admission.waitSeconds()
    const ticket = admission.enter()
    try {
      const pictures = await prepare(question, signal, () => {})
      const images = pictures.flat()
      const promptTokens = await engine.countTokens(chatBody(question, pictures, safe()), signal)
      const expected = estimates.expect(images, question.sampling.max_tokens)
      return {
        images,
        promptTokens,
        contextTokens: parts.contextTokens,
        ahead: ticket.ahead,
        seconds: expected && { queue: rounded(queueSeconds), ...expected },
      }
    } finally {
      ticket.leave()
    }
  }

  function check({ messages, json }: Question): JsonCheck | undefined {
    const all = messages.flatMap((message) => message.parts)
    checkTexts(all, parts.maxPromptLength)
    checkCount(all.filter((part) => part.type === 'image').length)
    return json === undefined ? undefined : jsonCheck(json)
  }

  function checkCount(pictures: number): void {
    const limit = parts.maxImages
    if (pictures > limit) throw failure('too_many_images', { actual: pictures, limit })
  }

  /**
   * The pictures of each image part. One after the other: side by side, several large ones would need several times
   * the memory.
   */
  async function prepare(
    question: Question,
    signal: AbortSignal,
    tell: (progress: Progress) => void,
  ): Promise<PreparedImage[][]> {
    const framing = { detail: question.detail, tiling: engine.status().model?.projector.tiling }
    const wanted = question.messages.flatMap((message) => message.parts).filter(isImage)
    const pictures: PreparedImage[][] = []
    for (const [index, { image, field }] of wanted.entries()) {
      signal.throwIfAborted()
      const prepared = await parts.prepareImages(image, question.pages, framing, signal).catch((error) => {
        throw error instanceof Failure && 'field' in error.facts ? failureAt(error, field) : error
      })
      pictures.push(prepared)
      checkCount(pictures.flat().length)
      for (const one of prepared) tell({ type: 'image', image: one, done: index + 1, total: wanted.length })
    }
    signal.throwIfAborted()
    return pictures
  }

  function safe(): (text: string) => string {
    const tokens = engine.status().model?.controlTokens ?? []
    if (neutralize?.tokens !== tokens) neutralize = { tokens, apply: neutralizer(tokens) }
    return neutralize.apply
  }

  return { infer, plan }
}

const isImage = (part: Part): part is Extract<Part, { type: 'image' }> => part.type === 'image'

function stagesOf({ timings, usage }: Outcome): Stages {
  const seconds = (milliseconds: number) => milliseconds / 1000
  // The engine counts the first token to the prompt.
  const further = usage.completion_tokens - 1
  return {
    queue: seconds(timings.queue),
    image: seconds(timings.image),
    prompt: seconds(timings.prompt),
    firstToken: seconds(timings.total - timings.generation),
    total: seconds(timings.total),
    perToken: further > 0 ? seconds(timings.generation) / further : undefined,
  }
}

type Answer = { text: string; end: Extract<ChatEvent, { type: 'end' }> }

async function collect(
  events: AsyncGenerator<ChatEvent>,
  tell: (progress: Progress) => void,
): Promise<Answer> {
  let text = ''
  let end: Answer['end'] | undefined
  for await (const event of events) {
    switch (event.type) {
      case 'text':
        text += event.text
        tell({ type: 'token', text: event.text })
        break
      case 'prompt':
        tell(event)
        break
      case 'end':
        end = event
    }
  }
  if (!end) throw new Error('The engine client ended a chat without its end event')
  return { text, end }
}

/** Hundredths are plenty; a rate over a single token is infinite and told as 0. */
const rounded = (value: number): number => (Number.isFinite(value) ? Math.round(value * 100) / 100 : 0)

function stopwatch() {
  const began = performance.now()
  let lapBegan = began
  return {
    /** Milliseconds since the last lap. */
    lap: () => {
      const now = performance.now()
      const took = now - lapBegan
      lapBegan = now
      return rounded(took)
    },
    total: () => rounded(performance.now() - began),
  }
}
