/**
 * The body of a request as bytes, bounded in size, in time, and together with all others in memory. Whoever expects to
 * be told to go on is told so here, when everything that can be decided from the headers has been.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Failure, failure } from '../errors.ts'
import { type BodyMemory, createBodyMemory } from './body-memory.ts'
import { parseBody } from './json.ts'

export type BodyLimits = {
  maxBodyBytes: number
  /** Bytes of all bodies together. */
  memoryBytes: number
  /** Longest pause of a client that sends a body, in milliseconds. */
  pauseMs: number
}

/** Reads the body of a request. Rejects with a typed failure. */
export type ReadBody = (request: FastifyRequest) => Promise<Buffer>

/** Bodies go as fast as work does: when a request ends there is room for the next. */
const retryAfterSeconds = 2
const firstBytes = 64 * 1024

/** Has `app` take bodies of JSON, and no others yet; returns what reads those of any kind. */
export function acceptBodies(app: FastifyInstance, limits: BodyLimits): ReadBody {
  const memory = createBodyMemory(limits.memoryBytes)
  const readBody: ReadBody = async ({ raw }) => {
    requireRoom(raw, limits, memory)
    goOn(raw)
    return bodyOf(raw, limits, memory)
  }
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => memory.release(request.raw))
    done()
  })
  app.server.on('checkContinue', (request, response) => {
    waiting.set(request, response)
    app.routing(request, response)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', async (request: FastifyRequest) =>
    parseBody(await readBody(request)),
  )
  return readBody
}

/** Requests whose bodies come only when asked for. */
const waiting = new WeakMap<IncomingMessage, ServerResponse>()

/** Whether the client still waits to be told to send the body. */
export const waitsToSend = (request: IncomingMessage): boolean => waiting.has(request)

function goOn(request: IncomingMessage): void {
  waiting.get(request)?.writeContinue()
  waiting.delete(request)
}

function bodyOf(request: IncomingMessage, limits: BodyLimits, memory: BodyMemory): Promise<Buffer> {
  const { maxBodyBytes: limit, pauseMs } = limits
  const announced = announcedBytes(request)
  const most = announced ?? limit
  return new Promise((resolve, reject) => {
    if (request.destroyed) return reject(failure('client_gone'))
    let bytes = Buffer.allocUnsafe(Math.min(firstBytes, most))
    let length = 0

    const onData = (chunk: Buffer): void => {
      pause.refresh()
      if (length + chunk.length > limit) leave(() => reject(failure('body_too_large', { limit })))
      else if (memory.take(request, chunk.length, onPause)) keep(chunk)
      else leave(() => reject(bodiesFull(memory)))
    }
    /** In one piece: a list of what came would hold a hundred bytes for each byte that came by itself. */
    const keep = (chunk: Buffer): void => {
      const needed = length + chunk.length
      if (needed > bytes.length) {
        // Who has sent an eighth of what was announced is believed: each further step would be garbage.
        const next = announced !== undefined && needed > announced / 8 ? announced : 2 * bytes.length
        const grown = Buffer.allocUnsafe(Math.max(needed, Math.min(next, most)))
        bytes.copy(grown, 0, 0, length)
        bytes = grown
      }
      length += chunk.copy(bytes, length)
    }
    const onEnd = () => {
      memory.keep(request)
      leave(() => resolve(bytes.subarray(0, length)))
    }
    const onClose = () => leave(() => reject(failure('client_gone')))
    const onPause = () => leave(() => reject(failure('request_timeout', { limit: pauseMs / 1000 })))
    const pause = setTimeout(onPause, pauseMs)
    const leave = (settle: () => void): void => {
      clearTimeout(pause)
      request.off('data', onData).off('end', onEnd).off('error', onClose).off('close', onClose)
      settle()
    }
    request.on('data', onData).on('end', onEnd).on('error', onClose).on('close', onClose)
  })
}

/** What can be refused before a byte of it has come. */
function requireRoom(
  request: IncomingMessage,
  { maxBodyBytes: limit }: BodyLimits,
  memory: BodyMemory,
): void {
  const actual = announcedBytes(request) ?? 0
  if (actual > limit) throw failure('body_too_large', { limit, actual })
  if (!memory.room(actual)) throw bodiesFull(memory)
}

const bodiesFull = ({ limit }: BodyMemory): Failure =>
  failure('bodies_full', { limit }, { retryAfterSeconds })

/** Undefined for a body that comes in chunks. */
function announcedBytes({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length']
  return length === undefined ? undefined : Number(length)
}
