/** A request's body -> one message of JSON-RPC. */
import {
  CancelledNotificationSchema,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type RequestId,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js'
import { failure } from '../../errors.ts'

/** Each word of progress repeats its token, and each answer its id. */
const longestName = 200

/** `version` is the header MCP-Protocol-Version, which clients send from their second message on. */
export function rpcMessageOf(body: unknown, version: string | undefined): JSONRPCMessage {
  if (version !== undefined && !SUPPORTED_PROTOCOL_VERSIONS.includes(version)) {
    throw broken(`MCP-Protocol-Version may be ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}`)
  }
  if (Array.isArray(body)) throw broken('send one message of JSON-RPC a request, not a list of them')
  const { success, data: message } = JSONRPCMessageSchema.safeParse(body)
  if (!success) throw broken('it is no message of JSON-RPC 2.0')
  for (const [name, value] of Object.entries(namesIn(message))) {
    if (typeof value === 'string' && value.length > longestName) {
      throw broken(`${name} is longer than ${longestName} characters`)
    }
  }
  return message
}

const broken = (reason: string) => failure('bad_request', { reason })

const namesIn = (message: JSONRPCMessage) => ({
  id: 'id' in message ? message.id : undefined,
  progressToken: 'params' in message ? message.params?._meta?.progressToken : undefined,
})

/** The request that a client does not want to have answered any more, where the message says that of one. */
export const cancelledBy = (message: JSONRPCMessage): RequestId | undefined =>
  CancelledNotificationSchema.safeParse(message).data?.params.requestId
