/**
 * Whether an answer is the JSON that was asked for. The engine is held to a grammar made of the schema, but it stops
 * at `max_tokens`, and it loosens what no grammar can say (most patterns, counts, formats): hence this second look.
 */
import { messageOf } from '../errors.ts'
import { compiledSchema } from './json-schema.ts'
import type { Answer, JsonFault, JsonSchema } from './question.ts'

export type JsonCheck = (answer: Pick<Answer, 'text' | 'finishReason'>) => JsonFault | null

/** Throws `invalid_json_schema` for a schema that is none. `true` asks for any JSON value. */
export function jsonCheck(schema: JsonSchema | true): JsonCheck {
  const faultOf = schema === true ? () => null : compiledSchema(schema)
  return ({ text, finishReason }) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      if (finishReason === 'length') {
        return {
          reason: 'truncated',
          message: 'The answer was cut off at max_tokens or at the end of the context',
        }
      }
      return { reason: 'invalid', message: `The answer is not JSON: ${String(error)}` }
    }
    try {
      const message = faultOf(value)
      return message === null ? null : { reason: 'invalid', message }
    } catch (error) {
      return { reason: 'invalid', message: messageOf(error) }
    }
  }
}
