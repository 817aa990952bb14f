/**
 * A body that is sent while it is made. The status is open until the first word: a request that is refused at once
 * gets its plain error. Afterwards an error can only be the last word.
 */
import { PassThrough } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Failure } from '../errors.ts'
import { asFailure, logFailure } from './failure.ts'

/** What a family of clients hears beside the words themselves. */
export type StreamManners = {
  mediaType: string
  /** The last word of a stream that failed. */
  failed(error: Failure): string
  /** Sent when nothing else was for a while, so that no proxy takes the connection for dead. */
  heartbeat(): string
}

/** Proxies give up after 30 to 60 s of silence, some content networks sooner. */
const heartbeatMs = 10_000

/** Runs `work`, whose first call of `send` begins the answer, be it with ''. Rejects with what failed before that. */
export async function streamReply(
  request: FastifyRequest,
  reply: FastifyReply,
  { mediaType, failed, heartbeat }: StreamManners,
  work: (send: (text: string) => void) => Promise<void>,
): Promise<FastifyReply> {
  const body = new PassThrough()
  let timer: NodeJS.Timeout | undefined
  const begin = () => {
    reply
      .code(200)
      .header('content-type', mediaType)
      .header('cache-control', 'no-cache, no-transform')
      // nginx would keep the words until a buffer is full.
      .header('x-accel-buffering', 'no')
      .send(body)
    timer = setInterval(() => send(heartbeat()), heartbeatMs)
  }
  const send = (text: string) => {
    if (!timer) begin()
    if (text === '') return
    body.write(text)
    timer?.refresh()
  }
  try {
    await work(send)
    send('')
  } catch (error) {
    const failure = asFailure(error)
    if (!timer) throw failure
    logFailure(failure, request)
    send(failed(failure))
  } finally {
    clearInterval(timer)
    body.end()
  }
  return reply
}

/** One server-sent event. `data` becomes one line of JSON. */
export const serverSentEvent = (data: unknown, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`

/** A comment, which every client of server-sent events skips. */
export const eventComment = (text = 'still here'): string => `: ${text}\n\n`
