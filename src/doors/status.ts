/** `GET /health`, `GET /livez` and `GET /metrics`. All answer at once: a probe must never wait for a busy engine. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from '@sinclair/typebox'
import type { EngineStatus } from '../engine/status.ts'
import { failure } from '../errors.ts'
import { timestamp } from '../http/error-response.ts'
import type { Metrics } from '../metrics.ts'
import type { ModelSettings } from '../model/settings.ts'

const nullableText = Type.Union([Type.String(), Type.Null()])

const health = Type.Object({
  status: Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy')]),
  model_loaded: Type.Boolean(),
  model_name: Type.String(),
  timestamp: Type.String(),
  reason: nullableText,
  model_description: nullableText,
  engine: Type.Object({
    state: Type.String(),
    since: Type.String(),
    restarts: Type.Integer(),
    threads: Type.Union([Type.Integer(), Type.Null()]),
    context_size: Type.Union([Type.Integer(), Type.Null()]),
  }),
  version: Type.String(),
})

export type Health = Static<typeof health>

export type StatusRouteOptions = {
  model: () => ModelSettings
  version: string
  engineStatus: () => EngineStatus
  /** True once the service takes no more requests. */
  draining: () => boolean
  exposition: Metrics['exposition']
}

/** What an orchestrator should wait before it looks again. */
const retryAfterSeconds = 5

export const statusRoutes: FastifyPluginAsyncTypebox<StatusRouteOptions> = async (app, options) => {
  const open = { config: { open: true } }
  app.get(
    '/health',
    { ...open, schema: { summary: 'Whether the model is ready', response: { 200: health, 503: health } } },
    async (_request, reply) => {
      const body = healthOf(options.engineStatus(), options)
      if (body.status === 'unhealthy') reply.code(503).header('retry-after', String(retryAfterSeconds))
      return body
    },
  )

  const alive = Type.Object({ status: Type.Literal('alive'), timestamp: Type.String() })
  app.get(
    '/livez',
    { ...open, schema: { summary: 'Whether the service runs', response: { 200: alive } } },
    async () => ({
      status: 'alive' as const,
      timestamp: timestamp(),
    }),
  )

  app.get('/metrics', { schema: { summary: 'Figures for Prometheus' } }, async (_request, reply) => {
    const { mediaType, text } = await options.exposition()
    return reply.type(mediaType).send(text)
  })
}

function healthOf(engine: EngineStatus, { model, version, draining }: StatusRouteOptions): Health {
  const ready = engine.state === 'ready'
  // Whoever spreads requests over replicas must hear of it before the port closes.
  const leaving = draining() ? failure('shutting_down').message : null
  return {
    status: ready && !leaving ? 'healthy' : 'unhealthy',
    model_loaded: ready,
    model_name: model().name,
    timestamp: timestamp(),
    reason: leaving ?? (ready ? null : (engine.reason ?? engine.state)),
    model_description: engine.model?.description ?? null,
    engine: {
      state: engine.state,
      since: timestamp(engine.since),
      restarts: engine.restarts,
      threads: engine.threads ?? null,
      context_size: engine.contextTokens ?? null,
    },
    version,
  }
}
