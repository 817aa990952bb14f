/**
 * Whether an answer is the JSON that was asked for. The engine is held to a grammar made of the schema, but it stops
 * at `max_tokens`, and it loosens what no grammar can say (most patterns, counts, formats): hence this second look.
 */
import { runInNewContext } from 'node:vm'
import { Ajv, type ValidateFunction } from 'ajv'
import { failure, messageOf } from '../errors.ts'
import type { Answer, JsonFault, JsonSchema } from './question.ts'

export type JsonCheck = (answer: Pick<Answer, 'text' | 'finishReason'>) => JsonFault | null

/** Room for any sensible schema; compiling takes time by its length. */
const mostSchemaCharacters = 65_536
/** A stranger's pattern may take for ever on the wrong text. */
const checkLimitMs = 500

/** Throws `invalid_json_schema` for a schema that is none. `true` asks for any JSON value. */
export function jsonCheck(schema: JsonSchema | true): JsonCheck {
  const valid = schema === true ? undefined : compiled(schema)
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
    if (!valid) return null
    try {
      if (within(checkLimitMs, () => valid(value))) return null
    } catch (error) {
      const tooLong = 'The check took too long: its schema has a pattern that never ends'
      return { reason: 'invalid', message: isTimeout(error) ? tooLong : messageOf(error) }
    }
    const [fault] = valid.errors ?? []
    return { reason: 'invalid', message: `${fault?.instancePath || 'The answer'} ${fault?.message}` }
  }
}

function compiled(schema: JsonSchema): ValidateFunction {
  const refuse = (reason: string) => failure('invalid_json_schema', { field: 'json_schema', reason })
  if (JSON.stringify(schema).length > mostSchemaCharacters) {
    throw refuse(`at most ${mostSchemaCharacters} characters are accepted`)
  }
  try {
    // Schemas of strangers: formats and keywords of their own are theirs to have.
    const ajv = new Ajv({ strict: false, validateFormats: false, logger: false })
    return within(checkLimitMs, () => ajv.compile(schema))
  } catch (error) {
    throw refuse(isTimeout(error) ? 'it is too complicated' : messageOf(error).slice(0, 300))
  }
}

/** Runs `work` here and now, and throws once it takes longer: the one way to stop JavaScript in its thread. */
const within = <Result>(milliseconds: number, work: () => Result): Result =>
  runInNewContext('work()', { work }, { timeout: milliseconds })

const isTimeout = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
