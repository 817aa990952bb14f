/** `POST /infer`: the contract's schema, a signal that stops the work when nobody waits for it, the answer as JSON. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import type { Config } from '../config.ts'
import { failure } from '../errors.ts'
import { errorResponse, inferRequest, inferResponse } from '../inference/contract.ts'
import type { Infer } from '../inference/infer.ts'

export type InferRouteOptions = {
  infer: Infer
  config: Pick<Config, 'CONTEXT_SIZE' | 'REQUEST_TIMEOUT'>
  /** Fires when the service gives up on requests still under way. */
  shutdown: AbortSignal
}

export const inferRoute: FastifyPluginAsyncTypebox<InferRouteOptions> = async (
  app,
  { infer, config, shutdown },
) => {
  const body = inferRequest({ maxTokens: config.CONTEXT_SIZE })
  const known = new Set(Object.keys(body.properties))

  app.post(
    '/infer',
    { schema: { body, response: { 200: inferResponse, '4xx': errorResponse, '5xx': errorResponse } } },
    async (request, reply) => {
      const limit = requestLimit(reply, config.REQUEST_TIMEOUT, shutdown)
      try {
        return await infer({
          request: request.body,
          requestId: request.id,
          ignoredFields: Object.keys(request.body).filter((name) => !known.has(name)),
          signal: limit.signal,
        })
      } finally {
        limit.clear()
      }
    },
  )
}

/** One signal for all that can end a request early: its client, its deadline, the service. */
function requestLimit(reply: FastifyReply, seconds: number, shutdown: AbortSignal) {
  const own = new AbortController()
  const onClose = () => {
    if (!reply.raw.writableFinished) own.abort(failure('client_gone'))
  }
  const timer = setTimeout(() => own.abort(failure('deadline_exceeded', { limit: seconds })), seconds * 1000)
  reply.raw.once('close', onClose)
  return {
    signal: AbortSignal.any([own.signal, shutdown]),
    clear: () => {
      clearTimeout(timer)
      reply.raw.off('close', onClose)
    },
  }
}
