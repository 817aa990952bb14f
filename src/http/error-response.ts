/** How every failure is told, and how times are written, as documented: a promise to clients. */
import { type Static, Type } from '@sinclair/typebox'

export const errorResponse = Type.Object({
  success: Type.Literal(false),
  error: Type.String(),
  error_type: Type.Union([Type.Literal('validation'), Type.Literal('model'), Type.Literal('system')]),
  timestamp: Type.String(),
  details: Type.Object(
    {
      code: Type.String(),
      field: Type.Optional(Type.String()),
      retry_after_seconds: Type.Optional(
        Type.Integer({ description: 'As the header Retry-After, which a stream has no more room for.' }),
      ),
      request_id: Type.String(),
    },
    { additionalProperties: true },
  ),
})

export type ErrorResponse = Static<typeof errorResponse>

/** UTC with six digits of fraction and no suffix, as documented: `2024-01-13T12:00:00.000000`. */
export const timestamp = (date = new Date()): string => date.toISOString().replace('Z', '000')
