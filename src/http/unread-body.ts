/**
 * Answers to requests that are still being sent: refused for what their headers say, or for a body that is too much.
 * Most clients do not listen before they have sent everything, and a connection that is closed while bytes are on
 * their way takes the answer with it. So the answer is told at once but ends only when its request has: what still
 * comes is read and dropped, within bounds. A body that came with its headers costs neither that nor the connection.
 */
import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { waitsToSend } from './body.ts'

export type PatienceLimits = {
  /** Most bytes that are dropped, and longest time for it in all and between two of them, in milliseconds. */
  bytes: number
  totalMs: number
  pauseMs: number
}

/** To be called after other hooks that change answers are added. */
export function answerWhileSending(app: FastifyInstance, limits: PatienceLimits): void {
  app.addHook('onSend', async ({ raw }, reply, payload) => {
    const whole = typeof payload === 'string' || Buffer.isBuffer(payload)
    if (!whole || !isBeingSent(raw) || (await endsAtOnce(raw))) return payload
    // The next request on this connection could arrive with the end of this one.
    reply.header('connection', 'close').header('content-length', Buffer.byteLength(payload))
    return Readable.from(toldUntilSent(payload, raw, limits), { objectMode: false })
  })
}

function isBeingSent(request: IncomingMessage): boolean {
  const { 'content-length': length = '0', 'transfer-encoding': coding } = request.headers
  const hasBody = length !== '0' || coding !== undefined
  return hasBody && !request.complete && !request.readableEnded && !waitsToSend(request)
}

/** Whether the rest of a request is already here: Fastify hears of its headers before its body is looked at. */
function endsAtOnce(request: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    const notYet = setImmediate(() => {
      request.off('end', ended)
      resolve(false)
    })
    const ended = () => {
      clearImmediate(notYet)
      resolve(true)
    }
    request.once('end', ended).resume()
  })
}

async function* toldUntilSent(payload: string | Buffer, request: IncomingMessage, limits: PatienceLimits) {
  yield payload
  await untilSent(request, limits)
}

/** Resolves when the request has ended, or its connection has. */
function untilSent(request: IncomingMessage, { bytes, totalMs, pauseMs }: PatienceLimits): Promise<void> {
  return new Promise((resolve) => {
    if (request.destroyed) return resolve()
    let dropped = 0
    const cut = () => request.destroy()
    const timers = [setTimeout(cut, totalMs), setTimeout(cut, pauseMs)]
    const leave = () => {
      for (const timer of timers) clearTimeout(timer)
      resolve()
    }
    request.once('end', leave).once('close', leave)
    request.on('data', (chunk: Buffer) => {
      dropped += chunk.length
      timers[1]?.refresh()
      if (dropped > bytes) cut()
    })
  })
}
