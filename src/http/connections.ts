/**
 * Connections: how many there may be, how long a client may take over what, and how they end. A socket that was
 * answered is destroyed in any case: one that is closed on our side alone stays for as long as its peer likes.
 */
import { readFileSync } from 'node:fs'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Failure, failure } from '../errors.ts'
import { errorBody } from './failure.ts'
import { unansweredOn } from './pipelining.ts'

/** More than a service of a few slots has use for, however many descriptors there are. */
const mostConnections = 4096

/**
 * Half of the descriptors: each request may need one more for a picture that is fetched, and the engine, its pipes,
 * decoders and files need theirs, whoever connects.
 */
export function connectionsOf(root = '/'): number {
  const [, descriptors] = /^Max open files\s+(\d+)/m.exec(read(join(root, 'proc/self/limits'))) ?? []
  return descriptors === undefined
    ? mostConnections
    : Math.min(mostConnections, Math.floor(Number(descriptors) / 2))
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Milliseconds, but for numbers of connections and bytes. Only tests use others. */
export const connectionLimits = {
  /** Connections at once. */
  most: connectionsOf(),
  /** From the connection, or the end of the answer before, to the end of the headers. */
  headers: 20_000,
  /** To the end of the body. */
  request: 300_000,
  /** Between two pieces of the body. */
  pause: 20_000,
  /** What is left of a request that was answered before it was sent: in all, and between two pieces. */
  unread: { totalMs: 30_000, pauseMs: 5000 },
  /** How often headers and requests are looked at. */
  check: 1000,
  /** Nothing sent or taken by the client, while it is its turn. */
  silence: 30_000,
  /** Between two requests: longer than the 60 s of usual proxies, which would otherwise use what was just closed. */
  idle: 72_000,
  /** Silence on the wire after which the kernel asks whether the other machine is still there. */
  probe: 30_000,
  headerBytes: 16 * 1024,
  /** What a client whose bytes are no HTTP gets to read its answer, and to send in vain. */
  parting: 2000,
  partingBytes: 1024 ** 2,
}

export type ConnectionLimits = typeof connectionLimits

/** The options of Fastify that bound connections. */
export const serverOptions = (limits: ConnectionLimits) => ({
  requestTimeout: limits.request,
  keepAliveTimeout: limits.idle,
  connectionTimeout: limits.silence,
  http: {
    headersTimeout: limits.headers,
    connectionsCheckingInterval: limits.check,
    maxHeaderSize: limits.headerBytes,
    // A missing Host is refused below, in words.
    requireHostHeader: false,
    keepAlive: true,
    keepAliveInitialDelay: limits.probe,
  },
})

/** Sees to the connections of a service that was made with `serverOptions`. */
export function tendConnections(app: FastifyInstance, limits: ConnectionLimits): void {
  const { server } = app
  const { most } = limits
  server.maxConnections = most
  let toldAt = Number.NEGATIVE_INFINITY
  server.on('drop', () => {
    // Who only keeps a connection for later makes room for who needs one now.
    server.closeIdleConnections()
    if (performance.now() - toldAt < 60_000) return
    toldAt = performance.now()
    app.log.warn({ most }, 'connections are refused: there are as many as there may be')
  })
  // One that could not be accepted, for want of whatever the system has too little of, is not the end of the others.
  server.on('error', (error) => {
    if (server.listening) app.log.warn({ err: error }, 'a connection could not be accepted')
  })
  server.on('timeout', (socket) => {
    // An answer may take minutes. It must not take long to be read, nor must the next request be waited for.
    if (unansweredOn(socket).length === 0 || socket.writableLength > 0) socket.destroy()
  })
  // Without a listener the connection would be cut without a word.
  server.on('connect', ({ url }, socket: Socket) => {
    socket.on('error', () => {})
    part(socket, failure('not_found', { actual: `CONNECT ${url?.slice(0, 200)}` }), limits)
  })
  // What Node would refuse without a word about it is refused as a request.
  server.on('checkExpectation', app.routing)
  app.addHook('onRequest', ({ raw }, _reply, done) => done(headersFault(raw)))
}

function headersFault({
  rawHeaders,
  httpVersion,
  headers: { expect },
}: IncomingMessage): Failure | undefined {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && /^host$/i.test(name)).length
  if (hosts > 1 || (hosts === 0 && httpVersion === '1.1')) {
    return failure('bad_request', { reason: `a request has one Host header, this one has ${hosts}` })
  }
  if (expect !== undefined && !/^100-continue$/i.test(expect)) {
    return failure('expectation_failed', { actual: expect.slice(0, 100) })
  }
  return undefined
}

/** Answers what Node's HTTP parser refused; there is no request then, and no reply object to use. */
export const answerBrokenHttp =
  (limits: ConnectionLimits) =>
  (error: Error & { code?: string }, socket: Socket): void => {
    const bytesBefore = parting.get(socket)
    if (bytesBefore !== undefined) {
      // What follows broken bytes is broken, too.
      if (socket.bytesRead - bytesBefore > limits.partingBytes) socket.destroy()
      return
    }
    const unanswered = unansweredOn(socket)
    const onItsWay = unanswered.some(({ headersSent }) => headersSent)
    if (socket.bytesRead === 0 || onItsWay || !socket.writable) socket.destroy()
    else {
      part(socket, brokenHttp(error, unanswered.length > 0, limits), limits)
      // What was asked before these bytes ends with the connection: nobody works for two seconds for nobody.
      if (unanswered.some(({ req }) => req.complete)) socket.once('finish', () => socket.destroy())
    }
  }

function brokenHttp({ code }: { code?: string }, inBody: boolean, limits: ConnectionLimits): Failure {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return failure('headers_too_large', { limit: limits.headerBytes })
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return failure('request_timeout', { limit: (inBody ? limits.request : limits.headers) / 1000 })
    default:
      return failure('bad_request', { reason: code ?? 'broken HTTP' })
  }
}

/** Sockets that got their last answer, with the bytes that they had read until then. */
const parting = new WeakMap<Socket, number>()

/** The last answer on a connection. What still comes is read and dropped for a while: a reset would overtake it. */
function part(socket: Socket, answer: Failure, limits: ConnectionLimits): void {
  parting.set(socket, socket.bytesRead)
  const body = JSON.stringify(errorBody(answer, 'none'))
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  const cut = setTimeout(() => socket.destroy(), limits.parting)
  socket.once('close', () => clearTimeout(cut))
}
