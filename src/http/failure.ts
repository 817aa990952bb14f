/**
 * Any error -> the documented ErrorResponse: our own failures, what Fastify and its validator raise, unknown routes.
 * Whatever is not meant for callers becomes `internal_error` and goes to the log.
 */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Failure, failure } from '../errors.ts'
import { type ErrorResponse, timestamp } from './error-response.ts'

/** A family's own shape for an error. */
export type ErrorBody = (error: Failure, requestId: string) => unknown

/** Has this part of the service answer every failure in one shape. */
export function answerFailures(app: FastifyInstance, shape: ErrorBody = errorBody): void {
  app.setErrorHandler((error: FastifyError, request, reply) =>
    sendFailure(toFailure(error, request), request, reply, shape),
  )
  app.setNotFoundHandler((request, reply) =>
    sendFailure(
      failure('not_found', { actual: `${request.method} ${request.url.split('?')[0]?.slice(0, 200)}` }),
      request,
      reply,
      shape,
    ),
  )
}

export function sendFailure(
  error: Failure,
  request: FastifyRequest,
  reply: FastifyReply,
  shape: ErrorBody = errorBody,
): FastifyReply {
  logFailure(error, request)
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(error.retryAfterSeconds))
  return reply.code(error.status).send(shape(error, request.id))
}

const failed = new WeakMap<FastifyRequest, Failure>()

/** What is not the caller's fault has a line of its own, the others are told with their request. */
export function logFailure(error: Failure, request: FastifyRequest): void {
  failed.set(request, error)
  const { code, cause } = error
  if (error.status >= 500) request.log.error({ code, err: cause ?? undefined }, error.message)
}

/**
 * What the line of a request says about how it failed; undefined where it did not. The sentence is not part of it: one
 * about a caller's fault may repeat what the caller sent, which has no place in a log.
 */
export function failureLogged(request: FastifyRequest): Record<string, unknown> | undefined {
  const error = failed.get(request)
  if (!error) return undefined
  const { code, facts, cause } = error
  return { code, field: facts.field, err: error.status < 500 ? (cause ?? undefined) : undefined }
}

/** Whatever was thrown as a failure; what is not meant for callers becomes `internal_error`. */
export const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : failure('internal_error', {}, { cause: error })

export function errorBody(error: Failure, requestId: string): ErrorResponse {
  return {
    success: false,
    error: error.message,
    error_type: error.errorType,
    timestamp: timestamp(),
    details: {
      code: error.code,
      ...error.facts,
      // A stream has no header for it.
      ...(error.retryAfterSeconds && { retry_after_seconds: error.retryAfterSeconds }),
      request_id: requestId,
    },
  }
}

function toFailure(error: FastifyError, request: FastifyRequest): Failure {
  if (error instanceof Failure) return error
  const [broken] = error.validation ?? []
  if (broken) {
    return error.validationContext === 'querystring'
      ? queryFailure(broken, request.query)
      : fieldFailure(broken, request.body)
  }
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    const actual = (request.headers['content-type'] ?? 'none').slice(0, 100)
    return failure('unsupported_media_type', { actual })
  }
  if (error.code?.startsWith('FST_BEARER_AUTH')) return failure('unauthorized')
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return failure('bad_request', { reason: error.message })
  }
  return asFailure(error)
}

type Broken = NonNullable<FastifyError['validation']>[number]

/** In a query, what comes twice is a list. */
function queryFailure(broken: Broken, query: unknown): Failure {
  const field = broken.instancePath.slice(1)
  const twice = Array.isArray((query as Record<string, unknown>)[field])
  return twice ? failure('given_twice', { field }) : fieldFailure(broken, query)
}

/** The validator's finding in our sentences. It names the first fault only; `field` is a path such as `images/0`. */
function fieldFailure({ keyword, instancePath, params }: Broken, body: unknown): Failure {
  const path = instancePath.slice(1)
  if (keyword === 'required') {
    const missing = String(params.missingProperty)
    return failure('missing_field', { field: path === '' ? missing : `${path}/${missing}` })
  }
  if (path === '') {
    return body === undefined ? failure('missing_body') : failure('body_not_object', { actual: kindOf(body) })
  }
  const value = path
    .split('/')
    .reduce((inside: unknown, name) => (inside as Record<string, unknown> | undefined)?.[name], body)
  const facts = { field: path, expected: expected(keyword, params), actual: shown(value) }
  if (keyword === 'type') return failure('wrong_type', facts)
  if (keyword === 'enum') return failure('unknown_choice', facts)
  return failure('out_of_range', { ...facts, limit: Number(params.limit) })
}

const expectedTypes: Record<string, string> = {
  integer: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
  null: 'null',
}
const comparisons: Record<string, string> = {
  '>=': 'at least',
  '<=': 'at most',
  '>': 'greater than',
  '<': 'less than',
}

function expected(keyword: string, params: Record<string, unknown>): string {
  switch (keyword) {
    case 'enum':
      return `one of ${(params.allowedValues as string[]).join(', ')}`
    case 'type':
      return [params.type]
        .flat()
        .flatMap((name) => String(name).split(','))
        .map((name) => expectedTypes[name] ?? name)
        .join(' or ')
    case 'minItems':
    case 'maxItems':
      return `a list of ${keyword === 'minItems' ? 'at least' : 'at most'} ${params.limit}`
    default:
      return `${comparisons[String(params.comparison)]} ${params.limit}`
  }
}

/** A value as an error may repeat it: numbers whole, texts cut, anything else by its kind. */
function shown(value: unknown): string | number {
  if (typeof value === 'number') return value
  return typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 40))}` : kindOf(value)
}

const kinds: Record<string, string> = {
  object: 'an object',
  boolean: 'a boolean',
  string: 'a text',
  number: 'a number',
}

/** What a value is, for a sentence. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : (kinds[typeof value] ?? typeof value)
}
