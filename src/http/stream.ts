/**
 * An answer that is sent while it is made: server-sent events or lines of JSON. The status is open until the first
 * word: a request that is refused at once gets its plain error. Afterwards an error can only be the last word.
 */
import { PassThrough } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Failure } from '../errors.ts'
import type { Outcome, Progress } from '../inference/question.ts'
import { asFailure, logFailure } from './failure.ts'

/** How one family of clients hears an answer. Each function gives the text to send, '' for nothing. */
export type Dialect = {
  mediaType: string
  progress(progress: Progress): string
  done(outcome: Outcome): string
  failed(error: Failure): string
  /** Sent when nothing else was for a while, so that no proxy takes the connection for dead. */
  heartbeat(): string
}

/** Proxies give up after 30 to 60 s of silence, some content networks sooner. */
const heartbeatMs = 10_000

export async function streamAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  dialect: Dialect,
  work: (tell: (progress: Progress) => void) => Promise<Outcome>,
): Promise<FastifyReply> {
  const body = new PassThrough()
  let timer: NodeJS.Timeout | undefined
  const send = (text: string) => {
    if (text === '') return
    body.write(text)
    timer?.refresh()
  }
  const begin = () => {
    reply
      .code(200)
      .header('content-type', dialect.mediaType)
      .header('cache-control', 'no-cache, no-transform')
      // nginx would keep the words until a buffer is full.
      .header('x-accel-buffering', 'no')
      .send(body)
    timer = setInterval(() => send(dialect.heartbeat()), heartbeatMs)
  }
  try {
    const outcome = await work((progress) => {
      if (!timer) begin()
      send(dialect.progress(progress))
    })
    if (!timer) begin()
    send(dialect.done(outcome))
  } catch (error) {
    const failure = asFailure(error)
    if (!timer) throw failure
    logFailure(failure, request)
    send(dialect.failed(failure))
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
export const eventComment = ': still here\n\n'
