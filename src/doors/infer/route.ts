/**
 * `POST /infer`: JSON, a form or a bare picture in; the documented JSON out, or the same as the last of a stream of
 * events. `?dry_run=1` tells what would happen.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Config } from '../../config.ts'
import { failure } from '../../errors.ts'
import { errorResponse } from '../../http/error-response.ts'
import { limited } from '../../http/limit.ts'
import { acceptUploads } from '../../http/upload.ts'
import { answerQuestion } from '../answer.ts'
import { type DoorOptions, refuseWhenFull } from '../door.ts'
import { describedWith } from './described.ts'
import { questionOf } from './question.ts'
import { dryRunResponse, inferRequest, inferResponse } from './schema.ts'
import { dryRunResponseOf, inferWording } from './wording.ts'

export type InferRouteOptions = DoorOptions & { config: Pick<Config, 'REQUEST_TIMEOUT' | 'MAX_IMAGES'> }

const mostIgnored = 50
const longestIgnored = 100

export const inferRoute: FastifyPluginAsyncTypebox<InferRouteOptions> = async (app, { config, ...door }) => {
  const body = inferRequest({ maxImages: config.MAX_IMAGES, maxSeconds: config.REQUEST_TIMEOUT })
  const known = new Set(Object.keys(body.properties))
  acceptUploads(app, body, { readBody: door.readBody, maxFields: known.size * 2 })

  app.post(
    '/infer',
    {
      ...refuseWhenFull(door, 'infer'),
      config: { swaggerTransform: describedWith(body) },
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
      const model = door.model()
      requireContext(asked.max_tokens, model.contextTokens)
      const question = questionOf(asked, request.uploads)
      const { stream, deadline_ms: deadlineMs } = asked
      const { dry_run = '0' } = request.query
      if (dry_run !== '0') {
        const { caller } = request
        const look = (signal: AbortSignal) => door.plan({ question, caller, signal })
        return dryRunResponseOf(asked, await limited(reply, door.limits, look, deadlineMs), model)
      }
      const wording = inferWording(asked, {
        model: model.name,
        requestId: request.id,
        ignoredFields: ignoredOf(asked, known),
      })
      return answerQuestion(request, reply, door, { door: 'infer', question, stream, deadlineMs }, wording)
    },
  )
}

/** What the caller sent and the service does not know, as far as it is worth telling. */
const ignoredOf = (asked: object, known: Set<string>): string[] =>
  Object.keys(asked)
    .filter((name) => !known.has(name))
    .slice(0, mostIgnored)
    .map((name) => name.slice(0, longestIgnored))

/** An answer can't be longer than the context, which is the model's and so no part of the schema. */
function requireContext(maxTokens: number, contextTokens: number): void {
  if (maxTokens <= contextTokens) return
  throw failure('out_of_range', {
    field: 'max_tokens',
    expected: `at most ${contextTokens}`,
    actual: maxTokens,
    limit: contextTokens,
  })
}
