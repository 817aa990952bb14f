/** Answer, plan and events -> `/infer`'s documented words. Pure. */
import type { Failure } from '../../errors.ts'
import { timestamp } from '../../http/error-response.ts'
import { errorBody } from '../../http/failure.ts'
import { eventComment, serverSentEvent } from '../../http/stream.ts'
import { hundredths } from '../../hundredths.ts'
import type { PreparedImage } from '../../image/prepare.ts'
import { dataUrl } from '../../inference/chat.ts'
import type { Plan } from '../../inference/infer.ts'
import type { Answer, InferenceEvent } from '../../inference/question.ts'
import type { ModelSettings } from '../../model/settings.ts'
import type { StreamWording, Wording } from '../answer.ts'
import type { DryRunResponse, InferRequest, InferResponse } from './schema.ts'

export type AnswerFacts = { model: string; requestId: string; ignoredFields: string[] }

export const inferWording = (request: InferRequest, facts: AnswerFacts): Wording<InferResponse> => ({
  whole: (answer) => inferResponseOf(request, answer, facts),
  stream: () => inferEvents(request, facts),
})

function inferResponseOf(
  request: InferRequest,
  answer: Answer,
  { model, requestId, ignoredFields }: AnswerFacts,
): InferResponse {
  const images = answer.images.map(report)
  const [image] = images
  if (!image) throw new Error('An answer of /infer without a picture')
  const { prompt_tokens, completion_tokens, total_tokens } = answer.usage
  const { jsonFault } = answer
  return {
    success: true,
    response_text: answer.text,
    model,
    timestamp: timestamp(),
    token_usage: { prompt_tokens, completion_tokens, total_tokens },
    metadata: {
      max_tokens: request.max_tokens,
      temperature: request.temperature,
      top_p: request.top_p,
      image_detail: request.image_detail,
      finish_reason: answer.finishReason,
      image,
      images,
      json:
        jsonFault === undefined
          ? null
          : {
              valid: jsonFault === null,
              reason: jsonFault?.reason ?? null,
              message: jsonFault?.message ?? null,
            },
      cached_prompt_tokens: answer.cachedTokens,
      tokens_per_second: answer.tokensPerSecond,
      timings_ms: answer.timings,
      request_id: requestId,
      ignored_fields: ignoredFields,
    },
    error: null,
  }
}

export function dryRunResponseOf(
  request: InferRequest,
  { images, promptTokens, ahead, seconds }: Plan,
  { name, contextTokens }: ModelSettings,
): DryRunResponse {
  return {
    success: true,
    dry_run: true,
    model: name,
    timestamp: timestamp(),
    images: images.map((image) => ({ ...report(image), preview: dataUrl(image) })),
    prompt_tokens: promptTokens,
    max_tokens: request.max_tokens,
    context_size: contextTokens,
    fits: promptTokens + request.max_tokens <= contextTokens,
    queue_position: ahead,
    expected_seconds: seconds && {
      ...seconds,
      total: hundredths(seconds.queue + seconds.prompt + seconds.generation),
    },
  }
}

/** What the model was shown. */
function report({
  source,
  rotation,
  mirrored,
  sent,
  tiles,
  tokens,
}: PreparedImage): InferResponse['metadata']['image'] {
  return { ...source, rotation, mirrored, sent, tiles: tiles ?? null, tokens: tokens ?? null }
}

/** `queued`, `progress`, `token`, and `done` or `error` with the bodies that a plain answer would have. */
function inferEvents(request: InferRequest, facts: AnswerFacts): StreamWording {
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    event: (event) => {
      const [name, data] = eventWords(event)
      return serverSentEvent(data, name)
    },
    done: (answer) => serverSentEvent(inferResponseOf(request, answer, facts), 'done'),
    failed: (error: Failure) => serverSentEvent(errorBody(error, facts.requestId), 'error'),
    heartbeat: () => eventComment(),
  }
}

function eventWords(event: InferenceEvent): [name: string, data: object] {
  switch (event.type) {
    case 'queued':
      return ['queued', { position: event.position, seconds_left: event.secondsLeft }]
    case 'image':
      return [
        'progress',
        { stage: 'image', done: event.done, total: event.total, image: report(event.image) },
      ]
    case 'prompt': {
      const { processed, cached, total, secondsLeft } = event
      return ['progress', { stage: 'prompt', processed, cached, total, seconds_left: secondsLeft }]
    }
    case 'picture': {
      const { done, total, secondsLeft } = event
      return ['progress', { stage: 'picture', done, total, seconds_left: secondsLeft }]
    }
    case 'token':
      return ['token', { text: event.text }]
  }
}
