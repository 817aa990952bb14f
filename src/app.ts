/** The service as a Fastify instance. Opens no port and starts no engine: its parts come as arguments. */
import { randomUUID } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { type Config, entriesOf } from './config.ts'
import { anthropicRoutes } from './doors/anthropic/route.ts'
import { documentRoutes } from './doors/docs.ts'
import type { DoorOptions, ModelFile } from './doors/door.ts'
import { inferRoute } from './doors/infer/route.ts'
import { mcpRoutes } from './doors/mcp/route.ts'
import { ollamaRoutes } from './doors/ollama/route.ts'
import { openaiRoutes } from './doors/openai/route.ts'
import { pageRoutes } from './doors/page.ts'
import { propsRoute } from './doors/props.ts'
import { responsesRoutes } from './doors/responses/route.ts'
import { statusRoutes } from './doors/status.ts'
import type { EngineStatus } from './engine/status.ts'
import { failure } from './errors.ts'
import { acceptBodies } from './http/body.ts'
import { bodyMemoryBytes } from './http/body-memory.ts'
import { trustedProxies } from './http/caller.ts'
import {
  answerBrokenHttp,
  type ConnectionLimits,
  connectionLimits,
  serverOptions,
  tendConnections,
} from './http/connections.ts'
import { answerFailures, failureLogged, sendFailure } from './http/failure.ts'
import { guard } from './http/guards.ts'
import { refusePipelining } from './http/pipelining.ts'
import { refuseBrokenTexts } from './http/texts.ts'
import { answerWhileSending } from './http/unread-body.ts'
import type { Inference } from './inference/infer.ts'
import type { Metrics } from './metrics.ts'
import type { ModelSettings } from './model/settings.ts'

export type AppParts = {
  config: Config
  version: string
  inference: Inference
  metrics: Pick<Metrics, 'exposition' | 'requested'>
  /** The model that is served now. */
  model: () => ModelSettings
  modelFile: () => Promise<ModelFile>
  engineStatus: () => EngineStatus
  /** Fires when the service gives up on requests still under way. */
  shutdown: AbortSignal
  /** True once the service takes no more requests. */
  draining: () => boolean
  log: FastifyBaseLogger
  /** Only tests bring others. */
  connections?: ConnectionLimits
}

export type App = FastifyInstance

/** What a caller may choose as its request id; anything else is replaced, since ids go into the log. */
const requestIdPattern = /^[\w.:-]{1,64}$/

export async function buildApp(parts: AppParts): Promise<App> {
  const { config } = parts
  const maxBodyBytes = config.MAX_BODY_MIB * 1024 ** 2
  const connections = parts.connections ?? connectionLimits
  const app = fastify({
    ...serverOptions(connections),
    loggerInstance: parts.log,
    // One line a request is written below, and none at the usual level for probes.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    // Strictly, so that "256" is no number.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allowUnionTypes: true } },
    trustProxy: trustedProxies(config),
    requestIdHeader: false,
    // A target may name the service, as for a proxy.
    rewriteUrl: ({ url = '/' }) => url.replace(/^https?:\/\/[^/?#]*\/?/i, '/'),
    genReqId: (request) => {
      const given = request.headers['x-request-id']
      return typeof given === 'string' && requestIdPattern.test(given) ? given : randomUUID()
    },
    // The names of models stand in paths: a file's, of which each byte may be written as three characters.
    // Clients put a path behind an address that ends in a slash, or that lacks one.
    routerOptions: { maxParamLength: 3 * 255, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true },
    // Our own draining answers in the documented shape; Fastify's does not.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      sendFailure(failure('bad_request', { reason: error.message.slice(0, 200) }), request, reply)
    },
    clientErrorHandler: answerBrokenHttp(connections),
  }).withTypeProvider<TypeBoxTypeProvider>()

  answerFailures(app)
  // Hooks that wait for nothing are plain calls: a promise each is felt where hundreds are refused at once.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    done()
  })
  refusePipelining(app)
  tendConnections(app, connections)
  app.addHook('onRequest', (request, _reply, done) => {
    const refused = parts.draining() && request.method === 'POST'
    done(refused ? failure('shutting_down', {}, { retryAfterSeconds: 5 }) : undefined)
  })
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // A connection kept alive would keep the service from ending.
    if (parts.draining()) reply.header('connection', 'close')
    done()
  })
  answerWhileSending(app, { ...connections.unread, bytes: 4 * maxBodyBytes })
  app.addHook('onResponse', (request, reply, done) => {
    const failed = failureLogged(request)
    const level = request.method === 'GET' && !failed ? 'debug' : 'info'
    const { method, routeOptions } = request
    const path = routeOptions.url
    const ms = Math.round(reply.elapsedTime)
    request.log[level]({ method, path, status: reply.statusCode, ms, ...failed }, 'request')
    parts.metrics.requested(path ?? 'unknown', reply.statusCode)
    done()
  })
  const readBody = acceptBodies(app, {
    maxBodyBytes,
    memoryBytes: bodyMemoryBytes(maxBodyBytes, config.SLOTS + config.QUEUE_SIZE),
    pauseMs: connections.pause,
  })
  await guard(app, config)
  refuseBrokenTexts(app)
  await documentRoutes(app, parts.version, entriesOf(config.API_KEYS).length > 0)
  const { engineStatus, inference, model, modelFile, version } = parts
  const limits = { seconds: config.REQUEST_TIMEOUT, shutdown: parts.shutdown }
  const door: DoorOptions = { ...inference, limits, model, modelFile, engineStatus, version, readBody }
  await app.register(inferRoute, { ...door, config })
  await app.register(openaiRoutes, { ...door, prefix: '/v1' })
  await app.register(responsesRoutes, { ...door, prefix: '/v1/responses' })
  await app.register(anthropicRoutes, { ...door, prefix: '/v1/messages' })
  await app.register(ollamaRoutes, { ...door, prefix: '/api' })
  await app.register(mcpRoutes, { ...door, prefix: '/mcp' })
  await app.register(propsRoute, door)
  await app.register(statusRoutes, {
    model,
    version,
    engineStatus,
    draining: parts.draining,
    exposition: parts.metrics.exposition,
  })
  await app.register(pageRoutes, { config })
  await app.ready()
  return app
}
