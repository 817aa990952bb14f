/** `/infer`'s own words -> question, and outcome -> its documented answer. Pure. */
import { failure } from '../../errors.ts'
import { timestamp } from '../../http/error-response.ts'
import type { PreparedImage } from '../../image/prepare.ts'
import { dataUrl } from '../../inference/chat.ts'
import type { Plan } from '../../inference/infer.ts'
import { requireText } from '../../inference/prompt.ts'
import type { ImageSource, Message, Outcome, Part, Question } from '../../inference/question.ts'
import type { DryRunResponse, InferRequest, InferResponse } from './schema.ts'

/** `uploads` are pictures that came as bytes beside the fields. Pictures go first: see `chat.ts`. */
export function questionOf(request: InferRequest, uploads: readonly Buffer[] = []): Question {
  requireText(request.prompt, 'prompt')
  const { max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, seed, stop = [] } = request
  const user: Part[] = [
    ...imagesOf(request, uploads),
    { type: 'text', text: request.prompt, field: 'prompt' },
  ]
  const system: Message[] = request.system
    ? [{ role: 'system', parts: [{ type: 'text', text: request.system, field: 'system' }] }]
    : []
  return {
    messages: [...system, { role: 'user', parts: user }],
    detail: request.image_detail,
    pages: request.pdf_pages,
    sampling: {
      max_tokens,
      temperature,
      top_p,
      top_k,
      min_p,
      repeat_penalty,
      ...(seed === undefined ? {} : { seed }),
      // An empty one would end the answer before its first word.
      stop: [stop].flat().filter((text) => text !== ''),
    },
    json: request.json_schema,
  }
}

function imagesOf({ image, images }: InferRequest, uploads: readonly Buffer[]): Part[] {
  const part = (image: ImageSource, field: string): Part => ({ type: 'image', image, field })
  const given = [image !== undefined, images !== undefined, uploads.length > 0].filter(Boolean).length
  if (given === 0) throw failure('missing_field', { field: 'image' })
  if (given > 1) throw failure('two_choices', { field: 'image', other: 'images' })
  if (images) return images.map((one, index) => part(one, `images/${index}`))
  if (uploads.length > 0) return uploads.map((one) => part(one, 'image'))
  return [part(image ?? '', 'image')]
}

export type AnswerFacts = { model: string; requestId: string; ignoredFields: string[] }

export function inferResponseOf(
  request: InferRequest,
  outcome: Outcome,
  { model, requestId, ignoredFields }: AnswerFacts,
): InferResponse {
  const images = outcome.images.map(report)
  const [image] = images
  if (!image) throw new Error('An answer of /infer without a picture')
  const { prompt_tokens, completion_tokens, total_tokens } = outcome.usage
  const { jsonFault } = outcome
  return {
    success: true,
    response_text: outcome.text,
    model,
    timestamp: timestamp(),
    token_usage: { prompt_tokens, completion_tokens, total_tokens },
    metadata: {
      max_tokens: request.max_tokens,
      temperature: request.temperature,
      top_p: request.top_p,
      image_detail: request.image_detail,
      finish_reason: outcome.finishReason,
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
      cached_prompt_tokens: outcome.cachedTokens,
      tokens_per_second: outcome.tokensPerSecond,
      timings_ms: outcome.timings,
      request_id: requestId,
      ignored_fields: ignoredFields,
    },
    error: null,
  }
}

export function dryRunResponseOf(request: InferRequest, plan: Plan, model: string): DryRunResponse {
  const { images, promptTokens, contextTokens, ahead, seconds } = plan
  return {
    success: true,
    dry_run: true,
    model,
    timestamp: timestamp(),
    images: images.map((image) => ({ ...report(image), preview: dataUrl(image) })),
    prompt_tokens: promptTokens,
    max_tokens: request.max_tokens,
    context_size: contextTokens,
    fits: promptTokens + request.max_tokens <= contextTokens,
    queue_position: ahead,
    expected_seconds: seconds && {
      ...seconds,
      total: Math.round((seconds.queue + seconds.prompt + seconds.generation) * 100) / 100,
    },
  }
}

/** What the model was shown. */
export function report({
  source,
  rotation,
  mirrored,
  sent,
  tiles,
}: PreparedImage): InferResponse['metadata']['image'] {
  return { ...source, rotation, mirrored, sent, tiles: tiles ?? null }
}
