/**
 * `POST /infer`: JSON, a form or a bare picture in; the documented JSON out, or the same as the last of a stream of
 * events. `?dry_run=1` tells what would happen.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Config } from '../../config.ts'
import type { Failure } from '../../errors.ts'
import { errorResponse } from '../../http/error-response.ts'
import { errorBody } from '../../http/failure.ts'
import { type Limits, limited } from '../../http/limit.ts'
import { type Dialect, eventComment, serverSentEvent, streamAnswer } from '../../http/stream.ts'
import { acceptUploads } from '../../http/upload.ts'
import type { Inference } from '../../inference/infer.ts'
import type { Outcome, Progress } from '../../inference/question.ts'
import { dryRunResponse, type InferRequest, inferRequest, inferResponse } from './schema.ts'
import { type AnswerFacts, dryRunResponseOf, inferResponseOf, questionOf, report } from './translation.ts'

export type InferRouteOptions = {
  inference: Inference
  config: Pick<Config, 'CONTEXT_SIZE' | 'REQUEST_TIMEOUT' | 'MAX_IMAGES' | 'MODEL_NAME'>
  limits: Limits
  maxBodyBytes: number
}

export const inferRoute: FastifyPluginAsyncTypebox<InferRouteOptions> = async (
  app,
  { inference, config, limits, maxBodyBytes },
) => {
  const body = inferRequest({
    maxTokens: config.CONTEXT_SIZE,
    maxImages: config.MAX_IMAGES,
    maxSeconds: config.REQUEST_TIMEOUT,
  })
  const known = new Set(Object.keys(body.properties))
  await acceptUploads(app, body, {
    maxBodyBytes,
    maxImages: config.MAX_IMAGES,
    maxFields: known.size * 2,
  })

  app.post(
    '/infer',
    {
      schema: {
        summary: 'Ask about a picture',
        body,
        // A bare picture has its fields in the query, checked as the body.
        querystring: Type.Object({
          dry_run: Type.Optional(Type.String({ description: 'Any value but 0.' })),
        }),
        response: {
          200: Type.Union([inferResponse, dryRunResponse]),
          '4xx': errorResponse,
          '5xx': errorResponse,
        },
      },
    },
    async (request, reply) => {
      const asked = request.body
      const question = questionOf(asked, request.uploads)
      const answer = (work: (signal: AbortSignal) => Promise<Outcome>) =>
        limited(reply, limits, work, asked.deadline_ms)
      const { dry_run = '0' } = request.query
      if (dry_run !== '0') {
        const plan = await limited(reply, limits, (signal) => inference.plan({ question, signal }))
        return dryRunResponseOf(asked, plan, config.MODEL_NAME)
      }
      const facts: AnswerFacts = {
        model: config.MODEL_NAME,
        requestId: request.id,
        ignoredFields: Object.keys(asked).filter((name) => !known.has(name)),
      }
      if (!asked.stream) {
        const outcome = await answer((signal) => inference.infer({ door: 'infer', question, signal }))
        return inferResponseOf(asked, outcome, facts)
      }
      return streamAnswer(request, reply, inferEvents(asked, facts), (tell) =>
        answer((signal) => inference.infer({ door: 'infer', question, signal, tell })),
      )
    },
  )
}

/** `queued`, `progress`, `token`, and `done` or `error` with the bodies that a plain answer would have. */
function inferEvents(request: InferRequest, facts: AnswerFacts): Dialect {
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    progress: (progress) => {
      const [event, data] = wordsOf(progress)
      return serverSentEvent(data, event)
    },
    done: (outcome) => serverSentEvent(inferResponseOf(request, outcome, facts), 'done'),
    failed: (error: Failure) => serverSentEvent(errorBody(error, facts.requestId), 'error'),
    heartbeat: () => eventComment,
  }
}

function wordsOf(progress: Progress): [event: string, data: object] {
  switch (progress.type) {
    case 'queued':
      return ['queued', { position: progress.position }]
    case 'image':
      return [
        'progress',
        { stage: 'image', done: progress.done, total: progress.total, image: report(progress.image) },
      ]
    case 'prompt': {
      const { processed, cached, total } = progress
      return ['progress', { stage: 'prompt', processed, cached, total }]
    }
    case 'token':
      return ['token', { text: progress.text }]
  }
}
