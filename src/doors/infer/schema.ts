/**
 * The public words: what `POST /infer` takes and gives. Field names, defaults and types are a promise to clients; new
 * fields may come, none may change.
 */
import { type SchemaOptions, type Static, Type } from '@sinclair/typebox'
import { type ImageDetail, imageDetails } from '../../image/tiles.ts'
import { defaults, type JsonSchema } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'

const nullable = <Schema extends ReturnType<typeof Type.String>>(schema: Schema) =>
  Type.Union([schema, Type.Null()])

/** Earlier turns of a conversation: more than a context has room for. */
const mostTurns = 100

export type RequestLimits = {
  maxImages: number
  maxSeconds: number
}

const choices = <const Name extends string>(names: readonly Name[], options: SchemaOptions) =>
  Type.Unsafe<Name>({ type: 'string', enum: names, ...options })

/** Sampling as `/infer` names it. The other doors have their own names and defaults for the same. */
export const inferRequest = (limits: RequestLimits) =>
  Type.Object(
    {
      prompt: Type.String({ description: 'Question about the picture.' }),
      image: Type.Optional(
        Type.String({
          description: 'The picture: base64, base64url, a data URL or, where allowed, an address.',
        }),
      ),
      images: Type.Optional(
        Type.Array(Type.String(), {
          minItems: 1,
          maxItems: limits.maxImages,
          description: 'Several pictures, instead of `image`.',
        }),
      ),
      system: Type.Optional(Type.String({ description: 'How the model is to behave.' })),
      history: Type.Optional(
        Type.Array(Type.Object({ prompt: Type.String(), response_text: Type.String() }), {
          maxItems: mostTurns,
          description: 'Earlier questions about the same pictures with their answers, oldest first.',
        }),
      ),
      max_tokens: Type.Integer({
        default: defaults.max_tokens,
        minimum: 1,
        description: 'Most tokens in the answer, at most the context size.',
      }),
      temperature: Type.Number({
        default: defaults.temperature,
        minimum: 0,
        maximum: 2,
        description: 'Sampling temperature; 0 always takes the likeliest token.',
      }),
      top_p: Type.Number({
        default: defaults.top_p,
        exclusiveMinimum: 0,
        maximum: 1,
        description: 'Nucleus sampling: the share of likelihood to choose from.',
      }),
      top_k: Type.Integer({
        default: defaults.top_k,
        minimum: 0,
        maximum: 1_000_000,
        description: 'Likeliest tokens to choose from; 0 is all.',
      }),
      min_p: Type.Number({
        default: defaults.min_p,
        minimum: 0,
        maximum: 1,
        description: "Least likelihood of a token, as a share of the likeliest token's.",
      }),
      repeat_penalty: Type.Number({
        default: defaults.repeat_penalty,
        minimum: 0.01,
        maximum: 10,
        description: 'Above 1, tokens that came before become less likely.',
      }),
      seed: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1, description: 'Start of the random numbers.' }),
      ),
      stop: Type.Optional(
        Type.Unsafe<string | string[]>({
          type: ['string', 'array'],
          items: { type: 'string' },
          maxItems: 16,
          description: 'Texts at which the answer ends; they are not part of it.',
        }),
      ),
      image_detail: choices<ImageDetail>(imageDetails, {
        default: 'auto',
        description:
          'For models that see a picture in tiles, each of which takes its time: `low` is one tile, `high` up to four, `auto` as few as keep most of the detail.',
      }),
      pdf_pages: Type.Integer({
        default: 1,
        minimum: 1,
        maximum: limits.maxImages,
        description: 'Pages of a PDF to look at, from the first; each is a picture.',
      }),
      json_schema: Type.Optional(
        Type.Unsafe<JsonSchema>({
          type: 'object',
          description: 'JSON Schema that the answer has to follow; `metadata.json` tells whether it does.',
        }),
      ),
      stream: Type.Boolean({
        default: false,
        description: 'Answer with server-sent events: queued, progress, token, done or error.',
      }),
      deadline_ms: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: limits.maxSeconds * 1000,
          description: 'Milliseconds after which the answer is of no use any more.',
        }),
      ),
    },
    {
      examples: [
        { prompt: 'What colour is it?', image: redSquare, max_tokens: 16, temperature: 0 },
        {
          prompt: 'What colour is it?',
          images: [redSquare],
          json_schema: { type: 'string', maxLength: 20 },
          max_tokens: 32,
        },
      ],
    },
  )

export type InferRequest = Static<ReturnType<typeof inferRequest>>

const size = { width: Type.Integer(), height: Type.Integer(), bytes: Type.Integer() }

/** What the model was shown. */
export const imageReport = Type.Object({
  format: Type.String({ description: 'Format of the picture received, found from its bytes.' }),
  ...size,
  page: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Page of a PDF, from 1; null for a picture.',
  }),
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
  tokens: Type.Union([Type.Integer(), Type.Null()], {
    description:
      'Tokens of the context that the picture takes; null where that is not known beforehand, and for models with tiles.',
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
    images: Type.Array(imageReport, { description: 'Every picture of the request; `image` is the first.' }),
    json: Type.Union(
      [
        Type.Object({
          valid: Type.Boolean(),
          reason: nullable(Type.String({ description: '`truncated` or `invalid`.' })),
          message: nullable(Type.String()),
        }),
        Type.Null(),
      ],
      { description: 'Whether the answer follows `json_schema`; null when none was asked for.' },
    ),
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

/** `POST /infer?dry_run=1`: what the same request would do. */
export const dryRunResponse = Type.Object({
  success: Type.Literal(true),
  dry_run: Type.Literal(true),
  model: Type.String(),
  timestamp: Type.String(),
  images: Type.Array(
    Type.Intersect([
      imageReport,
      Type.Object({
        preview: Type.String({ description: 'The picture as the model would see it: a data URL.' }),
      }),
    ]),
  ),
  prompt_tokens: Type.Integer({ description: 'Tokens of the whole prompt, pictures included.' }),
  max_tokens: Type.Integer(),
  context_size: Type.Integer(),
  fits: Type.Boolean({ description: 'Whether prompt and longest answer fit into the context.' }),
  queue_position: Type.Integer({ description: 'Requests that have to end first.' }),
  expected_seconds: Type.Union(
    [
      Type.Object({
        queue: Type.Number(),
        prompt: Type.Number(),
        generation: Type.Number({ description: 'For an answer of `max_tokens`.' }),
        total: Type.Number(),
      }),
      Type.Null(),
    ],
    { description: 'By what past requests took on this machine; null until there are any.' },
  ),
})

export type DryRunResponse = Static<typeof dryRunResponse>
