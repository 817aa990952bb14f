/** Who may ask, how often, and from which pages; headers that keep browsers careful. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import bearerAuth from '@fastify/bearer-auth'
import cors from '@fastify/cors'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import helmet, { type HelmetOptions } from 'helmet'
import type { Config } from '../config.ts'
import { failure } from '../errors.ts'
import { acceptedKeys, callerOf } from './caller.ts'
import { allowedOrigins } from './origins.ts'
import { refuseStrangers } from './strangers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a key: probes, and pages that hold nothing but themselves. */
    open?: boolean
  }
}

type Guarded = Pick<Config, 'API_KEYS' | 'RATE_LIMIT' | 'CORS_ORIGINS' | 'ALLOWED_HOSTS' | 'HOST'>

export async function guard(app: FastifyInstance, config: Guarded): Promise<void> {
  const careful = headersOf({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // Without TLS of our own, whether it holds for the whole host is the proxy's to say.
    strictTransportSecurity: false,
    crossOriginResourcePolicy: { policy: config.CORS_ORIGINS === '' ? 'same-origin' : 'cross-origin' },
  })
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(careful)
    done()
  })
  refuseStrangers(app, config)
  const origins = allowedOrigins(config)
  if (origins.length > 0) {
    await app.register(cors, {
      origin: origins.includes('*') ? '*' : origins,
      methods: ['GET', 'POST'],
      exposedHeaders: ['x-request-id', 'retry-after', 'mcp-session-id'],
    })
  }
  const keys = acceptedKeys(config)
  if (keys.length > 0) {
    await app.register(bearerAuth, {
      keys: new Set(keys),
      addHook: false,
      specCompliance: 'rfc6749',
      verifyErrorLogLevel: 'debug',
    })
    app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
      // Anthropic's clients send it bare.
      const bare = headers['x-api-key']
      if (typeof bare === 'string') headers.authorization ??= `Bearer ${bare}`
      done()
    })
    app.addHook('onRequest', (request, reply, done) => {
      if (request.routeOptions.config.open) done()
      else app.verifyBearerAuth?.(request, reply, done)
    })
  }
  app.decorateRequest('caller', '')
  app.addHook('onRequest', (request, _reply, done) => {
    request.caller = callerOf(request, keys)
    done()
  })
  if (config.RATE_LIMIT > 0) {
    await app.register(rateLimit, {
      max: config.RATE_LIMIT,
      timeWindow: 60_000,
      // After the keys, so that guessing uses up nobody's share.
      hook: 'preParsing',
      cache: 10_000,
      allowList: (request) => request.method !== 'POST',
      keyGenerator: ({ caller }) => caller,
      errorResponseBuilder: (_request, { max, ttl }) =>
        failure('rate_limited', { limit: max }, { retryAfterSeconds: ttl / 1000 }),
    })
  }
}

/** Helmet's headers are the same for every request, so it is asked once. */
function headersOf(options: HelmetOptions): Record<string, string> {
  const headers: Record<string, string> = {}
  const keeper = { setHeader: (name: string, value: string) => (headers[name] = value), removeHeader() {} }
  helmet(options)({} as IncomingMessage, keeper as unknown as ServerResponse, () => {})
  return headers
}
