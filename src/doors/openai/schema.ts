/** What OpenAI's clients may send to `/v1/chat/completions`. */
import { type Static, Type } from '@sinclair/typebox'
import type { ImageDetail } from '../../image/tiles.ts'
import type { JsonSchema } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'
import { mostItems, oneOrMore, optional } from '../schema.ts'

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

export type ContentPart = Static<typeof contentPart>

const message = Type.Object({
  role: Type.String({ description: '`system`, `developer`, `user` or `assistant`.' }),
  content: optional(
    Type.Unsafe<string | ContentPart[]>({
      type: ['string', 'array'],
      items: contentPart,
      maxItems: mostItems,
    }),
  ),
})

export const chatRequest = Type.Object(
  {
    model: optional(Type.String()),
    messages: Type.Array(message, { minItems: 1, maxItems: mostItems }),
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
    tools: optional(Type.Array(Type.Unknown(), { maxItems: mostItems })),
    functions: optional(Type.Array(Type.Unknown(), { maxItems: mostItems })),
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
