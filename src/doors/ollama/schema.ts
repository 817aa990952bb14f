/** What Ollama's clients may send to `/api/chat` and `/api/generate`. */
import { type Static, Type } from '@sinclair/typebox'
import type { JsonSchema, Message } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'
import { mostItems, oneOrMore, optional } from '../schema.ts'

/** Ollama takes any number, whole or not, and makes of it what it can. */
const number = (description?: string) =>
  optional(Type.Number(description === undefined ? {} : { description }))

const options = optional(
  Type.Object({
    num_predict: number('0 and less end where the context does.'),
    temperature: number(),
    top_p: number(),
    top_k: number('0 and less are all.'),
    min_p: number(),
    repeat_penalty: number('1, and 0 and less, are none.'),
    repeat_last_n: number('-1 is the whole context.'),
    presence_penalty: number(),
    frequency_penalty: number(),
    seed: number('-1 is a random one.'),
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
