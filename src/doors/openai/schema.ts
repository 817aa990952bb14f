/** What OpenAI's clients may send to `/v1/chat/completions`. */
import { type Static, Type } from '@sinclair/typebox'
import type { ImageDetail } from '../../image/tiles.ts'
import type { JsonSchema } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'
import { mostItems, oneOrMore, optional } from '../schema.ts'

const imageUrl = Type.Object({
  url: Type.String({ description: 'A data URL or, where allowed, an address.' }),
  detail: optional(Type.Unsafe<ImageDetail>({ type: 'string', enum: ['auto', 'low', 'high', null] })),
})

type ImageUrl = Static<typeof imageUrl>

const contentPart = Type.Object({
  type: Type.String(),
  text: Type.Optional(Type.String()),
  image_url: Type.Optional(
    Type.Unsafe<string | ImageUrl>({
      ...imageUrl,
      type: ['object', 'string'],
      description: 'Some clients send the text alone.',
    }),
  ),
  file: Type.Optional(
    Type.Object({
      file_data: optional(Type.String({ description: 'A PDF as a data URL.' })),
      file_id: optional(Type.String()),
    }),
  ),
})

/** Their time adds up within REQUEST_TIMEOUT. */
const mostAnswers = 8

export type ContentPart = Static<typeof contentPart>

/** Of an earlier answer that was a call. */
const earlierCall = Type.Object({ arguments: optional(Type.String()) })

const message = Type.Object({
  role: Type.String({
    description: '`system`, `developer`, `user`, `assistant`, or `tool` and `function` for what a call gave.',
  }),
  content: optional(
    Type.Unsafe<string | ContentPart[]>({
      type: ['string', 'array'],
      items: contentPart,
      maxItems: mostItems,
    }),
  ),
  tool_calls: optional(
    Type.Array(Type.Object({ function: Type.Optional(earlierCall) }), { maxItems: mostItems }),
  ),
  function_call: optional(earlierCall),
})

const named = Type.Object({ name: Type.String() })

const aFunction = Type.Object({
  name: Type.String(),
  parameters: optional(Type.Unsafe<JsonSchema>({ type: 'object' })),
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
        schema: optional(
          Type.Unsafe<JsonSchema>({
            type: 'object',
            description: 'Of a `json_object`, as some clients send it.',
          }),
        ),
      }),
    ),
    n: optional(
      Type.Integer({
        minimum: 1,
        maximum: mostAnswers,
        description: 'So many answers, one after the other. Pictures are looked at once.',
      }),
    ),
    tools: optional(
      Type.Array(Type.Object({ type: Type.Optional(Type.String()), function: Type.Optional(aFunction) }), {
        maxItems: mostItems,
      }),
    ),
    tool_choice: optional(
      Type.Unsafe<string | { function?: Static<typeof named> }>({
        type: ['string', 'object'],
        properties: { function: named },
        description: '`none`, `required` with one tool, or the name of one, whose arguments are the answer.',
      }),
    ),
    functions: optional(Type.Array(aFunction, { maxItems: mostItems })),
    function_call: optional(
      Type.Unsafe<string | Static<typeof named>>({
        type: ['string', 'object'],
        properties: named.properties,
        required: ['name'],
      }),
    ),
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
