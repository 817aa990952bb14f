/**
 * The program of the process in which schemas of strangers are compiled and answers are held to them. It says that it is
 * ready, then answers one question after the other.
 */
import { Failure } from '../errors.ts'
import { jsonCheck } from './json-answer.ts'
import type { Answer, JsonFault } from './question.ts'

/** Without an answer the schema alone is looked at. */
export type SchemaQuestion = { schema: string; answer?: Pick<Answer, 'text' | 'finishReason'> | undefined }

export type Verdict = { type: 'refused'; reason: string } | { type: 'checked'; fault: JsonFault | null }

function verdictOn({ schema, answer }: SchemaQuestion): Verdict {
  try {
    const check = jsonCheck(JSON.parse(schema))
    return { type: 'checked', fault: answer ? check(answer) : null }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { type: 'refused', reason: String(error.facts.reason) }
  }
}

// With a listener it does not open Node's debugger.
process.on('SIGUSR1', () => {})
process.on('message', (question: SchemaQuestion) => process.send?.(verdictOn(question)))
process.send?.('ready')
