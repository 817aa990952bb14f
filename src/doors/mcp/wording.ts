/** Failure -> an error of JSON-RPC, for requests that are refused before there is a message to answer. Pure. */
import type { Failure } from '../../errors.ts'

const parseError = -32700
const invalidRequest = -32600
/** The first of those that JSON-RPC leaves to servers. */
const serverError = -32000

export const errorBody = (error: Failure) => ({
  jsonrpc: '2.0',
  id: null,
  error: { code: codeOf(error), message: error.message, data: { code: error.code, ...error.facts } },
})

function codeOf({ code, status }: Failure): number {
  if (code === 'invalid_json') return parseError
  return status === 400 ? invalidRequest : serverError
}
