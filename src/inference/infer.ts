/**
 * One request in a straight line: room -> picture -> slot -> engine -> answer. Everything taken is given back in
 * `finally`, in reverse; the one signal stops whatever is under way.
 */
import type { Admission } from '../admission.ts'
import type { ChatEvent } from '../engine/client.ts'
import type { Engine } from '../engine/supervisor.ts'
import type { Framing, PreparedImage } from '../image/normalize.ts'
import { chatBody } from './chat.ts'
import { type InferRequest, type InferResponse, timestamp } from './contract.ts'
import { checkPrompt, neutralizer } from './prompt.ts'

export type InferenceParts = {
  modelName: string
  maxPromptLength: number
  admission: Admission
  engine: Pick<Engine, 'requireReady' | 'ready' | 'chat' | 'status'>
  prepareImage: (image: string, framing: Framing) => Promise<PreparedImage>
}

export type InferCall = {
  request: InferRequest
  requestId: string
  ignoredFields: string[]
  signal: AbortSignal
}

export type Infer = ReturnType<typeof createInference>

export function createInference(parts: InferenceParts) {
  const { admission, engine } = parts
  // Built once a model, not once a request: some vocabularies hold thousands of control tokens.
  let neutralize: { tokens: readonly string[]; apply: (prompt: string) => string } | undefined

  return async function infer({
    request,
    requestId,
    ignoredFields,
    signal,
  }: InferCall): Promise<InferResponse> {
    const clock = stopwatch()
    checkPrompt(request.prompt, parts.maxPromptLength)
    engine.requireReady()
    const ticket = admission.enter()
    let engineHolds = false
    try {
      const image = await parts.prepareImage(request.image, {
        detail: request.image_detail,
        tiling: engine.status().model?.projector.tiling,
      })
      signal.throwIfAborted()
      const imageMs = clock.lap()
      await ticket.slot(signal)
      await engine.ready(signal)
      const queueMs = clock.lap()
      const body = chatBody(request, neutralized(request.prompt), image)
      engineHolds = true
      const answer = await collect(engine.chat(body, signal, ticket.leave))
      const { usage, timings } = answer.end
      return {
        success: true,
        response_text: answer.text,
        model: parts.modelName,
        timestamp: timestamp(),
        token_usage: {
          prompt_tokens: usage.prompt_tokens,
          completion_tokens: usage.completion_tokens,
          total_tokens: usage.total_tokens,
        },
        metadata: {
          max_tokens: request.max_tokens,
          temperature: request.temperature,
          top_p: request.top_p,
          image_detail: request.image_detail,
          finish_reason: answer.end.finishReason,
          image: report(image),
          cached_prompt_tokens: timings.cache_n,
          tokens_per_second: rounded(timings.predicted_per_second),
          timings_ms: {
            queue: queueMs,
            image: imageMs,
            prompt: rounded(timings.prompt_ms),
            generation: rounded(timings.predicted_ms),
            total: clock.total(),
          },
          request_id: requestId,
          ignored_fields: ignoredFields,
        },
        error: null,
      }
    } finally {
      // From the chat on, the slot is free only when the engine says so.
      if (!engineHolds) ticket.leave()
    }
  }

  function neutralized(prompt: string): string {
    const tokens = engine.status().model?.controlTokens ?? []
    if (neutralize?.tokens !== tokens) neutralize = { tokens, apply: neutralizer(tokens) }
    return neutralize.apply(prompt)
  }
}

type Answer = { text: string; end: Extract<ChatEvent, { type: 'end' }> }

async function collect(events: AsyncGenerator<ChatEvent>): Promise<Answer> {
  let text = ''
  let end: Answer['end'] | undefined
  for await (const event of events) {
    if (event.type === 'text') text += event.text
    else end = event
  }
  if (!end) throw new Error('The engine client ended a chat without its end event')
  return { text, end }
}

function report(image: PreparedImage): InferResponse['metadata']['image'] {
  const { source, rotation, mirrored, sent, tiles } = image
  return { ...source, rotation, mirrored, sent, tiles: tiles ?? null }
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
