/**
 * One question at a time on a connection. Node hears of a client that leaves only while it reads on, and tells it only
 * to the answer that is being sent: a question behind another one would be worked on for nobody, and a connection
 * could fill the waiting room by itself. So what comes before its turn is refused, but for safe methods among
 * themselves. The first in words; what follows is dropped, since the connection closes after those words.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { failure } from '../errors.ts'

type Connection = {
  /** Answers that are not sent yet, in the order of their requests. */
  unanswered: Set<ServerResponse>
  /** Requests since the first that was refused. */
  refused: number
}

const connections = new WeakMap<Socket, Connection>()

/** Their answers are short and soon ready. */
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Most requests that may wait for their turn, and most that are read and dropped, on one connection. */
const mostUnanswered = 16
const mostDropped = 100

/** Answers that are still to be sent on a connection, the one that is being sent first. */
export const unansweredOn = (socket: Socket): ServerResponse[] => [
  ...(connections.get(socket)?.unanswered ?? []),
]

/** To be called before other hooks are added: who is refused is not asked for a key. */
export function refusePipelining(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    const connection = connectionOf(request.raw.socket)
    const before = unansweredOn(request.raw.socket)
    connection.unanswered.add(reply.raw)
    reply.raw.once('close', () => connection.unanswered.delete(reply.raw))
    const waits =
      before.length < mostUnanswered &&
      [request.raw, ...before.map(({ req }) => req)].every(({ method = '' }) => safeMethods.has(method))
    if (connection.refused === 0 && (before.length === 0 || waits)) return done()
    connection.refused += 1
    // Reading goes on, so that the end of the connection is seen.
    request.raw.resume()
    if (connection.refused === 1) {
      reply.header('connection', 'close')
      return done(failure('pipelined'))
    }
    reply.hijack()
    if (connection.refused > mostDropped) request.raw.destroy()
  })
}

function connectionOf(socket: Socket): Connection {
  const known = connections.get(socket) ?? { unanswered: new Set(), refused: 0 }
  connections.set(socket, known)
  return known
}
