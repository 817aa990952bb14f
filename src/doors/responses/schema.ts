/** What OpenAI's clients may send to `/v1/responses`. */
import { type Static, Type } from '@sinclair/typebox'
import type { ImageDetail } from '../../image/tiles.ts'
import type { JsonSchema } from '../../inference/question.ts'
import { redSquare } from '../../plain-squares.ts'
import { mostItems, optional } from '../schema.ts'

const contentPart = Type.Object({
  type: Type.String({ description: '`input_text`, `input_image`, `input_file`, or `output_text`.' }),
  text: Type.Optional(Type.String()),
  image_url: optional(Type.String({ description: 'A data URL or, where allowed, an address.' })),
  detail: optional(
    Type.Unsafe<ImageDetail | 'original'>({
      type: 'string',
      enum: ['auto', 'low', 'high', 'original', null],
    }),
  ),
  file_data: optional(Type.String({ description: 'A PDF as a data URL.' })),
  file_url: optional(Type.String({ description: 'The address of one, where allowed.' })),
  file_id: optional(Type.String()),
})

export type ContentPart = Static<typeof contentPart>

const textOrParts = optional(
  Type.Unsafe<string | ContentPart[]>({
    type: ['string', 'array'],
    items: contentPart,
    maxItems: mostItems,
  }),
)

const item = Type.Object({
  type: optional(
    Type.String({ description: '`message`, `function_call`, `function_call_output` or `reasoning`.' }),
  ),
  role: optional(Type.String({ description: '`system`, `developer`, `user` or `assistant`.' })),
  content: textOrParts,
  arguments: optional(Type.String({ description: 'Of an earlier `function_call`.' })),
  output: textOrParts,
})

export type Item = Static<typeof item>

export const responsesRequest = Type.Object(
  {
    model: optional(Type.String()),
    input: Type.Unsafe<string | Item[]>({
      type: ['string', 'array'],
      items: item,
      minItems: 1,
      maxItems: mostItems,
    }),
    instructions: optional(Type.String()),
    max_output_tokens: optional(Type.Integer({ minimum: 1 })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: optional(Type.Number({ exclusiveMinimum: 0, maximum: 1 })),
    stream: optional(Type.Boolean()),
    text: optional(
      Type.Object({
        format: optional(
          Type.Object({
            type: Type.Unsafe<'text' | 'json_object' | 'json_schema'>({
              type: 'string',
              enum: ['text', 'json_object', 'json_schema'],
            }),
            schema: optional(Type.Unsafe<JsonSchema>({ type: 'object' })),
          }),
        ),
      }),
    ),
    tools: optional(
      Type.Array(
        Type.Object({
          type: Type.String(),
          name: optional(Type.String()),
          parameters: optional(Type.Unsafe<JsonSchema>({ type: 'object' })),
        }),
        { maxItems: mostItems },
      ),
    ),
    tool_choice: optional(
      Type.Unsafe<string | { type?: string; name?: string }>({
        type: ['string', 'object'],
        properties: { type: Type.String(), name: Type.String() },
        description: '`none`, `required` with one tool, or the name of one, whose arguments are the answer.',
      }),
    ),
    previous_response_id: optional(Type.String({ description: 'Refused: nothing is stored.' })),
    conversation: Type.Optional(Type.Unknown({ description: 'Refused: nothing is stored.' })),
    prompt: Type.Optional(Type.Unknown({ description: 'Refused: nothing is stored.' })),
    background: optional(Type.Boolean({ description: 'True is refused: nothing is stored.' })),
    top_logprobs: optional(Type.Integer({ description: 'Refused above 0.' })),
  },
  {
    examples: [
      {
        model: 'demo',
        input: [
          {
            role: 'user',
            content: [
              { type: 'input_text', text: 'What colour is it?' },
              { type: 'input_image', image_url: `data:image/png;base64,${redSquare}` },
            ],
          },
        ],
        max_output_tokens: 16,
      },
    ],
  },
)

export type ResponsesRequest = Static<typeof responsesRequest>
