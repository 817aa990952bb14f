/** What Ollama's clients may send to `/api/chat` and `/api/generate`. */
import { type Static, Type } from '@sinclair/typebox'
import type { JsonSchema, Message } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'
import { mostItems, oneOrMore, optional } from '../schema.ts'

const options = optional(
  Type.Object({
    num_predict: optional(Type.Integer({ description: '-1 and -2 end where the context does.' })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    top_k: optional(Type.Integer({ minimum: 0 })),
    min_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    repeat_penalty: optional(Type.Number({ minimum: 0, maximum: 10 })),
    presence_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    frequency_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    seed: optional(Type.Integer()),
    stop: optional(oneOrMore({})),
  }),
)

const common = {
  model: optional(Type.String()),
  stream: optional(Type.Boolean({ description: 'True unless said otherwise.' })),
  format: optional(Type.Unsafe<'' | 'json' | JsonSchema>({ type: ['string', 'object'] })),
  options,
  keep_alive: Type.Optional(
    Type.Unknown({ description: 'Accepted and not needed: the model stays loaded.' }),
  ),
}

const images = optional(
  Type.Array(Type.String({ description: 'A picture as base64.' }), { maxItems: mostItems }),
)

export const generateRequest = Type.Object(
  {
    ...common,
    prompt: optional(Type.String()),
    system: optional(Type.String()),
    images,
    suffix: optional(Type.String()),
    raw: optional(Type.Boolean()),
  },
  {
    examples: [{ model: 'demo', prompt: 'What colour is it?', images: [redSquare], stream: false }],
  },
)

export const chatRequest = Type.Object(
  {
    ...common,
    messages: Type.Optional(
      Type.Array(
        Type.Object({
          role: Type.Unsafe<Message['role']>({ type: 'string', enum: ['system', 'user', 'assistant'] }),
          content: optional(Type.String()),
          images,
        }),
        { maxItems: mostItems },
      ),
    ),
    tools: optional(Type.Array(Type.Unknown(), { maxItems: mostItems })),
  },
  {
    examples: [
      {
        model: 'demo',
        messages: [{ role: 'user', content: 'What colour is it?', images: [redSquare] }],
        stream: false,
      },
    ],
  },
)

export type GenerateRequest = Static<typeof generateRequest>
export type ChatRequest = Static<typeof chatRequest>
