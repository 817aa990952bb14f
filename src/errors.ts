/**
 * Every way a request can fail, in one table: stable code, HTTP status, whose fault, the sentence a caller reads;
 * `npm run docs` writes docs/errors.md from it.
 * Sentences take their numbers from the failure's own facts (`{limit}`), so text and `details` never disagree.
 * Internal detail goes to `cause` and so to the log; it is never part of a sentence.
 */

/** `validation`: the caller's fault. `model`: the engine or the model. `system`: the service itself. */
export type ErrorType = 'validation' | 'model' | 'system'

export type Row = { status: number; type: ErrorType; sentence: string }

const caller = (sentence: string, status = 400): Row => ({ status, type: 'validation', sentence })
const model = (status: number, sentence: string): Row => ({ status, type: 'model', sentence })
const system = (status: number, sentence: string): Row => ({ status, type: 'system', sentence })

const table = {
  invalid_json: caller('The request body is not valid JSON'),
  json_too_complex: caller(
    'The JSON of the request body has too many {feature}; at most {limit} are accepted',
  ),
  missing_body: caller('The request body is empty; send a JSON object with prompt and image'),
  body_not_object: caller('The request body must be a JSON object with prompt and image, got {actual}'),
  bad_request: caller('The request could not be understood: {reason}'),
  pipelined: caller('A connection takes one question at a time: send the next when this one is answered'),
  headers_too_large: caller(
    'The request line and headers are too large; at most {limit} bytes are accepted',
    431,
  ),
  request_timeout: caller('The request did not arrive within {limit} seconds', 408),
  expectation_failed: caller('Expect may be 100-continue, got {actual}', 417),
  unsupported_media_type: caller(
    'Content-Type must be application/json, multipart/form-data or that of a picture, got {actual}',
    415,
  ),
  body_too_large: caller('The request body is too large; at most {limit} bytes are accepted', 413),
  not_found: caller('Unknown route: {actual}. There are POST /infer and GET /health; /docs lists all', 404),
  method_not_allowed: caller('{actual} is not answered here; send {expected}', 405),

  unauthorized: caller(
    'An API key is needed: send one of API_KEYS as Authorization: Bearer <key>, or as x-api-key',
    401,
  ),
  host_not_allowed: caller(
    'Requests for the host {actual} are not answered: ask by an address or as localhost, or add the name to ALLOWED_HOSTS',
    421,
  ),
  origin_not_allowed: caller(
    'The page that asks is at {actual}; pages of others may ask only if CORS_ORIGINS names their origin',
    403,
  ),
  rate_limited: caller('Too many requests: at most {limit} a minute are answered', 429),
  invalid_form: caller('The form could not be read: {reason}'),
  unexpected_file: caller('Files belong in the field image or images, got one in {field}'),
  model_not_found: caller('The model {actual} is not loaded; this service answers as {expected}', 404),
  not_supported: caller('{feature} is not offered: {reason}'),

  missing_field: caller('Missing required field: {field}'),
  wrong_type: caller('Field {field} must be {expected}, got {actual}'),
  unknown_choice: caller('Field {field} must be {expected}, got {actual}'),
  out_of_range: caller('Field {field} must be {expected}, got {actual}'),
  empty_prompt: caller('Field {field} must not be empty'),
  prompt_too_long: caller('Field {field} is too long: {actual} characters, at most {limit} are accepted'),
  given_twice: caller('Field {field} is given more than once'),
  two_choices: caller('Send either {field} or {other}, not both'),
  invalid_json_schema: caller('Field {field} is no JSON Schema that an answer can be held to: {reason}'),
  broken_unicode: caller('Field {field} holds broken Unicode: a surrogate without its other half'),
  context_exceeded: caller(
    'The prompt and picture need {actual} tokens, but the context holds {limit}; shorten the prompt or raise CONTEXT_SIZE',
  ),

  empty_image: caller('Field {field} must not be empty; send the picture as base64 or as a data URL'),
  image_is_url: caller(
    'Field {field} must be base64 or a data URL; pictures are fetched from addresses only where IMAGE_URL_ALLOW names their hosts',
  ),
  invalid_data_url: caller('Field {field} is a data URL without base64; expected data:image/...;base64,...'),
  invalid_base64: caller(
    'Field {field} is not valid base64; expected A-Z, a-z, 0-9, + and / (or - and _), padded with = or not',
  ),
  truncated_base64: caller('Field {field} is cut off: {actual} base64 characters do not make whole bytes'),
  unsupported_image_format: caller('{actual} is not supported; send {expected}'),
  not_an_image: caller('Field {field} does not hold a picture; send {expected}'),
  corrupt_image: caller('The {format} picture is corrupt or cut off and cannot be decoded'),
  image_too_large: caller(
    'The picture is too large: {width}x{height} is {actual} pixels, at most {limit} are accepted',
    413,
  ),
  image_too_costly: caller(
    'The {format} picture takes more memory or time to decode than one may; send it smaller, or as a plain JPEG or PNG',
    413,
  ),
  no_pages: caller(
    'The document in field {field} has no pages that can be read; send one that has, or a picture',
  ),
  decoder_missing: caller(
    '{format} needs the optional package {package}, which is not installed here; send a JPEG or PNG instead',
    415,
  ),
  image_too_narrow: caller(
    'The picture is too narrow: {width}x{height}; its longer side may be at most {limit} times the shorter',
  ),
  too_many_images: caller(
    'The request has {actual} pictures; at most {limit} are accepted, which MAX_IMAGES sets',
  ),
  too_many_tiles: caller(
    'The pictures take {actual} tiles, and there is room for {limit}; send fewer, or raise MAX_TILES',
  ),
  image_url_refused: caller('The address in field {field} is not fetched: {reason}'),
  image_url_failed: caller('The picture at the address in field {field} could not be fetched: {reason}'),
  image_refused: caller('The engine could not read the picture'),
  setting_refused: caller('Field {field} has a value that the engine does not take'),
  request_refused: caller('The engine does not take this request: {reason}'),

  queue_full: system(
    429,
    'The service is busy: {actual} requests are waiting; beyond {limit} only callers who have few of them may add one',
  ),
  bodies_full: system(
    503,
    'The service is busy: the bodies of its requests fill the {limit} bytes that are set apart for them',
  ),
  queue_timeout: system(
    429,
    'The service is busy: a slot is to be expected in {actual} seconds; nobody waits for longer than {limit}',
  ),
  deadline_exceeded: system(504, 'The request took longer than {limit} seconds and was stopped'),
  shutting_down: system(503, 'The service is shutting down'),
  client_gone: system(499, 'The client closed the connection'),
  internal_error: system(500, 'An internal error occurred'),

  engine_loading: model(503, 'The model is not ready yet: {reason}'),
  engine_failed: model(503, 'The model cannot be used: {reason}'),
  engine_error: model(500, 'The engine failed on this request'),
  engine_crashed: model(500, 'The engine stopped while it worked on this request'),
  poison_request: model(
    422,
    'The engine ended {ends} times while it worked on this very picture and question; it is not tried again before {until}',
  ),
} satisfies Record<string, Row>

export type FailureCode = keyof typeof table

export const failures: Readonly<Record<FailureCode, Row>> = table

/** Facts of one failure: they fill the sentence's placeholders and go to the caller in `details`. */
export type Facts = Record<string, string | number>

export type FailureOptions = {
  /** What really happened, for the log only. */
  cause?: unknown
  /** Seconds after which another try makes sense; sent as `Retry-After`, rounded up to a whole second. */
  retryAfterSeconds?: number
}

/** A failure whose code, status and public sentence are settled. Throw it; `http/failure.ts` answers it. */
export class Failure extends Error {
  readonly code: FailureCode
  readonly status: number
  readonly errorType: ErrorType
  readonly facts: Facts
  readonly retryAfterSeconds: number | undefined

  constructor(code: FailureCode, given: Facts, options: FailureOptions) {
    const row: Row = table[code]
    const facts = wellFormed(given)
    super(
      row.sentence.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name] ?? 'unknown')),
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.name = 'Failure'
    this.code = code
    this.status = row.status
    this.errorType = row.type
    this.facts = facts
    this.retryAfterSeconds =
      options.retryAfterSeconds === undefined ? undefined : Math.max(1, Math.ceil(options.retryAfterSeconds))
  }
}

/** A text of a caller's that was cut to be shown may end in half a character. */
const wellFormed = (facts: Facts): Facts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.toWellFormed() : value,
    ]),
  )

/** The same failure, told of the field where the caller put the faulty value. */
export const failureAt = (error: Failure, field: string): Failure =>
  new Failure(
    error.code,
    { ...error.facts, field },
    { cause: error.cause, ...(error.retryAfterSeconds && { retryAfterSeconds: error.retryAfterSeconds }) },
  )

export const failure = (code: FailureCode, facts: Facts = {}, options: FailureOptions = {}): Failure =>
  new Failure(code, facts, options)

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
