/**
 * The public words: what `POST /infer` and `GET /health` take and give. Field names, defaults and types are a promise
 * to clients; new fields may come, none may change.
 */
import { type Static, Type } from '@sinclair/typebox'
import { type ImageDetail, imageDetails } from '../image/tiles.ts'

const nullable = <Schema extends ReturnType<typeof Type.String>>(schema: Schema) =>
  Type.Union([schema, Type.Null()])

/** `maxTokens` is the context size: an answer can't be longer. */
export const inferRequest = (limits: { maxTokens: number }) =>
  Type.Object({
    prompt: Type.String({ description: 'Question about the picture.' }),
    image: Type.String({ description: 'The picture: base64, base64url or a data URL.' }),
    max_tokens: Type.Integer({
      default: 256,
      minimum: 1,
      maximum: limits.maxTokens,
      description: 'Most tokens in the answer.',
    }),
    temperature: Type.Number({
      default: 0.7,
      minimum: 0,
      maximum: 2,
      description: 'Sampling temperature; 0 always takes the likeliest token.',
    }),
    top_p: Type.Number({
      default: 0.95,
      exclusiveMinimum: 0,
      maximum: 1,
      description: 'Nucleus sampling: the share of likelihood to choose from.',
    }),
    image_detail: Type.Unsafe<ImageDetail>({
      type: 'string',
      enum: imageDetails,
      default: 'auto',
      description:
        'For models that see a picture in tiles, each of which takes its time: `low` is one tile, `high` up to four, `auto` as few as keep most of the detail.',
    }),
  })

export type InferRequest = Static<ReturnType<typeof inferRequest>>

const size = { width: Type.Integer(), height: Type.Integer(), bytes: Type.Integer() }

/** What the model was shown. */
export const imageReport = Type.Object({
  format: Type.String({ description: 'Format of the picture received, found from its bytes.' }),
  ...size,
  rotation: Type.Integer({ description: 'Clockwise degrees it was turned by, as its EXIF data asked.' }),
  mirrored: Type.Boolean(),
  sent: Type.Object({
    format: Type.String(),
    ...size,
    unchanged: Type.Boolean({ description: 'True when the engine got the received bytes as they were.' }),
  }),
  tiles: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Tiles that the picture was cut into; null for models without tiles.',
  }),
})

export const inferResponse = Type.Object({
  success: Type.Literal(true),
  response_text: Type.String(),
  model: Type.String(),
  timestamp: Type.String(),
  token_usage: Type.Object({
    prompt_tokens: Type.Integer(),
    completion_tokens: Type.Integer(),
    total_tokens: Type.Integer(),
  }),
  metadata: Type.Object({
    max_tokens: Type.Integer(),
    temperature: Type.Number(),
    top_p: Type.Number(),
    image_detail: Type.String(),
    finish_reason: Type.Union([Type.Literal('stop'), Type.Literal('length')], {
      description: '`length`: the answer was cut at max_tokens or at the end of the context.',
    }),
    image: imageReport,
    cached_prompt_tokens: Type.Integer({
      description: 'Prompt tokens, picture included, whose work was done before.',
    }),
    tokens_per_second: Type.Number(),
    timings_ms: Type.Object({
      queue: Type.Number(),
      image: Type.Number(),
      prompt: Type.Number(),
      generation: Type.Number(),
      total: Type.Number(),
    }),
    request_id: Type.String(),
    ignored_fields: Type.Array(Type.String()),
  }),
  error: Type.Null(),
})

export type InferResponse = Static<typeof inferResponse>

export const errorResponse = Type.Object({
  success: Type.Literal(false),
  error: Type.String(),
  error_type: Type.Union([Type.Literal('validation'), Type.Literal('model'), Type.Literal('system')]),
  timestamp: Type.String(),
  details: Type.Object(
    { code: Type.String(), field: Type.Optional(Type.String()), request_id: Type.String() },
    { additionalProperties: true },
  ),
})

export type ErrorResponse = Static<typeof errorResponse>

export const health = Type.Object({
  status: Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy')]),
  model_loaded: Type.Boolean(),
  model_name: Type.String(),
  timestamp: Type.String(),
  reason: nullable(Type.String()),
  model_description: nullable(Type.String()),
  engine: Type.Object({
    state: Type.String(),
    since: Type.String(),
    restarts: Type.Integer(),
    threads: Type.Union([Type.Integer(), Type.Null()]),
  }),
  version: Type.String(),
})

export type Health = Static<typeof health>

/** UTC with six digits of fraction and no suffix, as documented: `2024-01-13T12:00:00.000000`. */
export const timestamp = (date = new Date()): string => date.toISOString().replace('Z', '000')
