/** OpenAI's chat completions: request -> question, outcome -> completion or chunks, error -> their error. Pure. */
import { type Static, Type } from '@sinclair/typebox'
import { type Failure, failure } from '../../errors.ts'
import { type Dialect, eventComment, serverSentEvent } from '../../http/stream.ts'
import type { ImageDetail } from '../../image/tiles.ts'
import { requireText } from '../../inference/prompt.ts'
import {
  defaults,
  type JsonSchema,
  type Message,
  type Outcome,
  type Part,
  type Question,
} from '../../inference/question.ts'
import { redSquare } from '../../red-square.ts'
import { listOf, oneOrMore, optional } from '../schema.ts'

const contentPart = Type.Object({
  type: Type.String(),
  text: Type.Optional(Type.String()),
  image_url: Type.Optional(
    Type.Object({
      url: Type.String({ description: 'A data URL or, where allowed, an address.' }),
      detail: optional(Type.Unsafe<ImageDetail>({ type: 'string', enum: ['auto', 'low', 'high', null] })),
    }),
  ),
})

type ContentPart = Static<typeof contentPart>

const message = Type.Object({
  role: Type.String({ description: '`system`, `developer`, `user` or `assistant`.' }),
  content: optional(Type.Unsafe<string | ContentPart[]>({ type: ['string', 'array'], items: contentPart })),
})

export const chatRequest = Type.Object(
  {
    model: optional(Type.String()),
    messages: Type.Array(message, { minItems: 1 }),
    max_tokens: optional(Type.Integer({ minimum: 1 })),
    max_completion_tokens: optional(Type.Integer({ minimum: 1 })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    presence_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    frequency_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    seed: optional(Type.Integer()),
    stop: optional(oneOrMore({})),
    stream: optional(Type.Boolean()),
    stream_options: optional(Type.Object({ include_usage: optional(Type.Boolean()) })),
    response_format: optional(
      Type.Object({
        type: Type.Unsafe<'text' | 'json_object' | 'json_schema'>({
          type: 'string',
          enum: ['text', 'json_object', 'json_schema'],
        }),
        json_schema: Type.Optional(
          Type.Object({ schema: Type.Optional(Type.Unsafe<JsonSchema>({ type: 'object' })) }),
        ),
      }),
    ),
    n: optional(Type.Integer()),
    tools: optional(Type.Array(Type.Unknown())),
    functions: optional(Type.Array(Type.Unknown())),
    logprobs: optional(Type.Boolean()),
  },
  {
    examples: [
      {
        model: 'demo',
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What colour is it?' },
              { type: 'image_url', image_url: { url: `data:image/png;base64,${redSquare}` } },
            ],
          },
        ],
        max_tokens: 16,
      },
    ],
  },
)

export type ChatRequest = Static<typeof chatRequest>

/** An answer that names no limit ends where the context does. */
export function questionOf(request: ChatRequest, contextSize: number): Question {
  refuseUnserved(request)
  const { temperature, top_p, presence_penalty, frequency_penalty, seed } = request
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? contextSize
  return {
    messages: request.messages.map(messageOf),
    detail: detailOf(request),
    pages: 1,
    sampling: {
      ...defaults,
      max_tokens: Math.min(maxTokens, contextSize),
      temperature: temperature ?? defaults.temperature,
      top_p: top_p ?? defaults.top_p,
      ...(presence_penalty == null ? {} : { presence_penalty }),
      ...(frequency_penalty == null ? {} : { frequency_penalty }),
      // The engine's seeds have 32 bits.
      ...(seed == null ? {} : { seed: seed >>> 0 }),
      stop: listOf(request.stop),
    },
    json: jsonOf(request),
  }
}

function refuseUnserved({ tools, functions, n, logprobs }: ChatRequest): void {
  const refuse = (feature: string, reason: string) => failure('not_supported', { feature, reason })
  if (tools?.length || functions?.length) {
    throw refuse(
      'Calling tools',
      'vision models of this size do not call them reliably; ask for JSON instead',
    )
  }
  if ((n ?? 1) > 1)
    throw refuse('n greater than 1', 'each answer takes its full time; send the request again')
  if (logprobs) throw refuse('logprobs', 'the service does not pass likelihoods on')
}

const roles = new Map<string, Message['role']>([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
])

function messageOf({ role: asked, content }: ChatRequest['messages'][number], index: number): Message {
  const role = roles.get(asked)
  const field = `messages/${index}`
  if (!role) {
    throw failure('unknown_choice', {
      field: `${field}/role`,
      expected: `one of ${[...roles.keys()].join(', ')}`,
      actual: asked.slice(0, 40),
    })
  }
  if (typeof content === 'string') {
    if (role === 'user') requireText(content, `${field}/content`)
    return { role, parts: [{ type: 'text', text: content, field: `${field}/content` }] }
  }
  return { role, parts: (content ?? []).map((part, at) => partOf(part, `${field}/content/${at}`)) }
}

function partOf({ type, text, image_url }: ContentPart, field: string): Part {
  if (type === 'text') {
    if (text === undefined) throw failure('missing_field', { field: `${field}/text` })
    return { type: 'text', text, field: `${field}/text` }
  }
  if (type === 'image_url') {
    if (!image_url) throw failure('missing_field', { field: `${field}/image_url` })
    return { type: 'image', image: image_url.url, field: `${field}/image_url/url` }
  }
  throw failure('not_supported', {
    field: `${field}/type`,
    feature: `Content of type ${type.slice(0, 40)}`,
    reason: 'the model reads text and image_url',
  })
}

/** One detail for the whole request: the finest that any picture asks for. */
function detailOf({ messages }: ChatRequest): ImageDetail {
  const asked = messages
    .flatMap(({ content }) => (Array.isArray(content) ? content : []))
    .map(({ image_url }) => image_url?.detail)
  if (asked.includes('high')) return 'high'
  return asked.includes('low') && !asked.includes('auto') ? 'low' : 'auto'
}

function jsonOf({ response_format: format }: ChatRequest): Question['json'] {
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json_object') return true
  const schema = format.json_schema?.schema
  if (!schema) throw failure('missing_field', { field: 'response_format/json_schema/schema' })
  return schema
}

export type CompletionFacts = { id: string; model: string; created: number }

const usageOf = ({ usage, cachedTokens }: Outcome) => ({
  ...usage,
  prompt_tokens_details: { cached_tokens: cachedTokens },
})

export const completionOf = (outcome: Outcome, { id, model, created }: CompletionFacts) => ({
  id,
  object: 'chat.completion',
  created,
  model,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: outcome.text, refusal: null },
      logprobs: null,
      finish_reason: outcome.finishReason,
    },
  ],
  usage: usageOf(outcome),
})

export function completionChunks(facts: CompletionFacts, withUsage: boolean): Dialect {
  const chunk = (choices: object[], more: object = {}) =>
    serverSentEvent({
      id: facts.id,
      object: 'chat.completion.chunk',
      created: facts.created,
      model: facts.model,
      choices,
      ...more,
    })
  const choice = (delta: object, finish_reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason },
  ]
  let begun = false
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    progress(progress) {
      if (progress.type === 'token') return chunk(choice({ content: progress.text }))
      if (begun) return ''
      begun = true
      return chunk(choice({ role: 'assistant', content: '' }))
    },
    done: (outcome) =>
      chunk(choice({}, outcome.finishReason)) +
      (withUsage ? chunk([], { usage: usageOf(outcome) }) : '') +
      'data: [DONE]\n\n',
    failed: (error) => serverSentEvent(errorBody(error)),
    heartbeat: () => eventComment,
  }
}

export const errorBody = (error: Failure) => ({
  error: {
    message: error.message,
    type: errorType(error.status),
    param: typeof error.facts.field === 'string' ? error.facts.field : null,
    code: error.code,
  },
})

function errorType(status: number): string {
  if (status === 401 || status === 403) return 'authentication_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 || status === 501 ? 'invalid_request_error' : 'server_error'
}
