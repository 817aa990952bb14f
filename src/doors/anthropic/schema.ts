/** What Anthropic's clients may send to `/v1/messages`. */
import { type Static, Type } from '@sinclair/typebox'
import type { JsonSchema, Message } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'
import { mostItems, optional } from '../schema.ts'

const source = Type.Object({
  type: Type.String({ description: '`base64`, `url`, or for a document `text`.' }),
  data: Type.Optional(Type.String()),
  url: Type.Optional(Type.String()),
})

/** What a block may hold inside of `tool_result`, too. */
const inner = {
  type: Type.String({
    description: '`text`, `image`, `document`, `tool_use`, `tool_result`, `thinking` or `redacted_thinking`.',
  }),
  text: Type.Optional(Type.String()),
  source: Type.Optional(source),
}

const innerBlock = Type.Object(inner)

const textOrInner = optional(
  Type.Unsafe<string | InnerBlock[]>({ type: ['string', 'array'], items: innerBlock, maxItems: mostItems }),
)

const block = Type.Object({
  ...inner,
  input: Type.Optional(Type.Unknown({ description: 'Of an earlier `tool_use`.' })),
  content: textOrInner,
})

export type InnerBlock = Static<typeof innerBlock>
export type Block = Static<typeof block>

const message = Type.Object({
  role: Type.Unsafe<Message['role']>({ type: 'string', enum: ['user', 'assistant', 'system'] }),
  content: Type.Unsafe<string | Block[]>({ type: ['string', 'array'], items: block, maxItems: mostItems }),
})

/** What is counted, and what is asked. */
const prompt = {
  model: optional(Type.String()),
  messages: Type.Array(message, { minItems: 1, maxItems: mostItems }),
  system: textOrInner,
  thinking: optional(
    Type.Object({ type: Type.String({ description: '`enabled` is refused: the model answers at once.' }) }),
  ),
  tools: optional(
    Type.Array(
      Type.Object({
        name: Type.String(),
        input_schema: optional(Type.Unsafe<JsonSchema>({ type: 'object' })),
      }),
      { maxItems: mostItems },
    ),
  ),
  tool_choice: optional(
    Type.Object(
      { type: Type.String(), name: Type.Optional(Type.String()) },
      { description: '`none`, `any` with one tool, or a `tool` by its name, whose input is the answer.' },
    ),
  ),
  output_config: optional(
    Type.Object({
      format: optional(
        Type.Object({
          type: Type.String(),
          schema: Type.Optional(Type.Unsafe<JsonSchema>({ type: 'object' })),
        }),
      ),
    }),
  ),
}

const content = [
  { type: 'image', source: { type: 'base64', media_type: 'image/png', data: redSquare } },
  { type: 'text', text: 'What colour is it?' },
]
const example = { model: 'demo', messages: [{ role: 'user', content }] }

export const countRequest = Type.Object(prompt, { examples: [example] })

export const messagesRequest = Type.Object(
  {
    ...prompt,
    max_tokens: optional(Type.Integer({ minimum: 1 })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 1 })),
    top_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    top_k: optional(Type.Integer({ minimum: 0 })),
    stop_sequences: optional(Type.Array(Type.String(), { maxItems: 16 })),
    stream: optional(Type.Boolean()),
  },
  { examples: [{ ...example, max_tokens: 16 }] },
)

export type CountRequest = Static<typeof countRequest>
export type MessagesRequest = Static<typeof messagesRequest>
