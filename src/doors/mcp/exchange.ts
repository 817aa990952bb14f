/**
 * One message and its answer. Each request has a server of its own for as long as it is answered, so nothing is kept of
 * a client in between. Loaded when the first message comes: most services never get one.
 */
import { randomUUID } from 'node:crypto'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
} from '@modelcontextprotocol/sdk/types.js'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asFailure, logFailure } from '../../http/failure.ts'
import { limited } from '../../http/limit.ts'
import { eventComment, serverSentEvent, streamReply } from '../../http/stream.ts'
import type { DoorOptions } from '../door.ts'
import type { Calls } from './calls.ts'
import { cancelledBy, rpcMessageOf } from './message.ts'
import { questionOf } from './question.ts'
import { type Look, lookServer } from './server.ts'
import { errorBody } from './wording.ts'

const pictures = 'The picture: a data URL, base64 or, where the service allows its host, an address.'

type Door = DoorOptions & { calls: Calls }

/** Answers with events to clients that take them, with JSON to others. What wants no answer gets 202. */
export async function answerMessage(request: FastifyRequest, reply: FastifyReply, door: Door) {
  const { body, caller, headers } = request
  const message = rpcMessageOf(body, headers['mcp-protocol-version']?.toString())
  const session = headers['mcp-session-id']?.toString() ?? ''
  if (!isJSONRPCRequest(message)) {
    const id = cancelledBy(message)
    if (id !== undefined) door.calls.cancel({ caller, session, id })
    return reply.code(202).send()
  }
  if (message.method === 'initialize') reply.header('mcp-session-id', randomUUID())
  const work = (hear: Hear, begin: () => void) =>
    door.calls.run({ caller, session, id: message.id }, (cancelled) =>
      limited(reply, door.limits, async (signal) => {
        const look = lookHere(request, door, AbortSignal.any([signal, cancelled]), begin)
        await converse(lookServer({ version: door.version, pictures, look }), { message, hear, cancelled })
      }),
    )
  if (/text\/event-stream/i.test(headers.accept ?? '')) {
    const manners = {
      mediaType: 'text/event-stream',
      failed: (error: Parameters<typeof errorBody>[0]) =>
        serverSentEvent({ ...errorBody(error), id: message.id }, 'message'),
      heartbeat: () => eventComment(),
    }
    return streamReply(request, reply, manners, (send) =>
      work(
        (one) => send(serverSentEvent(one, 'message')),
        () => send(''),
      ),
    )
  }
  let answer: JSONRPCMessage | undefined
  await work(
    (one) => {
      if (isAnswer(one)) answer = one
    },
    () => {},
  )
  return answer ?? reply.code(202).send()
}

type Hear = (message: JSONRPCMessage) => void

/** `begin` is called when the question is in: what fails before that is told without a stream's delay. */
const lookHere =
  (request: FastifyRequest, door: Door, signal: AbortSignal, begin: () => void): Look =>
  async (asked, { tell }) => {
    try {
      const { text, finishReason } = await door.infer({
        door: 'mcp',
        question: questionOf(asked, door.model().contextTokens),
        caller: request.caller,
        signal,
        tell: (event) => {
          begin()
          tell(event)
        },
      })
      return { text, cutOff: finishReason === 'length' }
    } catch (error) {
      const failed = asFailure(error)
      logFailure(failed, request)
      throw failed
    }
  }

type Conversation = { message: JSONRPCRequest; hear: Hear; cancelled: AbortSignal }

/** Hands the server one message, and on what it says. Resolves when it has answered, or need not. */
async function converse(server: Server, { message, hear, cancelled }: Conversation): Promise<void> {
  const close = () => server.close()
  cancelled.addEventListener('abort', close, { once: true })
  try {
    await new Promise<void>((resolve, reject) => {
      const transport: Transport = {
        start: async () => {},
        async send(said) {
          hear(said)
          if (isAnswer(said)) resolve()
        },
        async close() {
          transport.onclose?.()
          resolve()
        },
      }
      server.connect(transport).then(() => transport.onmessage?.(message), reject)
    })
  } finally {
    await close()
  }
}

const isAnswer = (message: JSONRPCMessage): boolean => 'result' in message || 'error' in message
