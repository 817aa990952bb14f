/** One signal for all that can end a request early: its client, its deadline, the service. */
import type { FastifyReply } from 'fastify'
import { failure } from '../errors.ts'

export type Limits = {
  /** Longest time for a request, waiting included. */
  seconds: number
  /** Fires when the service gives up on requests still under way. */
  shutdown: AbortSignal
}

/** Runs `work` under the request's signal. `deadlineMs` is the caller's own limit; the shorter one counts. */
export async function limited<Result>(
  reply: FastifyReply,
  { seconds, shutdown }: Limits,
  work: (signal: AbortSignal) => Promise<Result>,
  deadlineMs = Number.POSITIVE_INFINITY,
): Promise<Result> {
  const own = new AbortController()
  const { socket } = reply.request.raw
  // Of the socket, since an answer closes only once its turn has come; and it may have closed before we listen.
  const onClose = () => {
    if (!reply.raw.writableFinished) own.abort(failure('client_gone'))
  }
  if (socket.destroyed) onClose()
  const limitMs = Math.min(seconds * 1000, deadlineMs)
  const timer = setTimeout(() => own.abort(failure('deadline_exceeded', { limit: limitMs / 1000 })), limitMs)
  socket.once('close', onClose)
  try {
    return await work(AbortSignal.any([own.signal, shutdown]))
  } finally {
    clearTimeout(timer)
    socket.off('close', onClose)
  }
}
