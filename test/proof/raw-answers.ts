/** HTTP as bytes, and the answers in what comes back: clients of libraries would not send most of what is tried here. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export type RawAnswer = { status: number; headers: Map<string, string>; body: string }

export type Heard = {
  /** Whole ones, without those that are only told in between (100). */
  answers: RawAnswer[]
  /** Whether the service ended the connection. */
  closed: boolean
  /** What came and is no whole answer, up to a few letters. */
  rest: string
}

/** What is sent, in order; a number is a pause in milliseconds, `end` our end of the connection. */
export type Piece = string | Buffer | number | 'end'

export type Manners = {
  /** Milliseconds to wait for what `enough` asks for. */
  limitMs: number
  /** Nothing else is waited for then. Without it, the service has to end the connection. */
  enough?: (heard: Heard) => boolean
  /** Answers have no body. */
  toHead?: boolean
}

/** Sends the pieces on a connection of their own. Resolves with what was heard, be it nothing; never rejects. */
export async function spoken(port: number, pieces: readonly Piece[], manners: Manners): Promise<Heard> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const bytes: Buffer[] = []
  let closed = false
  const heard = () => heardIn(Buffer.concat(bytes), closed, manners.toHead ?? false)
  const over = new Promise<void>((resolve) => {
    const leave = () => {
      closed = true
      resolve()
    }
    socket.on('end', leave).on('close', leave).on('error', leave)
    socket.on('data', (piece: Buffer) => {
      bytes.push(piece)
      if (manners.enough?.(heard())) resolve()
    })
  })
  const stop = new AbortController()
  const limit = sleep(manners.limitMs, undefined, { signal: stop.signal }).catch(() => {})
  void say(socket, pieces)
  await Promise.race([over, limit])
  stop.abort()
  socket.destroy()
  return heard()
}

async function say(socket: ReturnType<typeof connect>, pieces: readonly Piece[]): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return
    if (typeof piece === 'number') await sleep(piece, undefined, { ref: false })
    else if (piece === 'end') socket.end()
    else socket.write(piece)
  }
}

export function heardIn(bytes: Buffer, closed: boolean, toHead: boolean): Heard {
  const answers: RawAnswer[] = []
  let left = bytes
  for (;;) {
    const headEnd = left.indexOf('\r\n\r\n')
    const [line = '', ...fields] = left.subarray(0, Math.max(0, headEnd)).toString('latin1').split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1])
    if (headEnd === -1 || Number.isNaN(status)) break
    const headers = new Map(
      fields.map((field) => [
        field.slice(0, field.indexOf(':')).toLowerCase(),
        field.slice(field.indexOf(':') + 1).trim(),
      ]),
    )
    const after = left.subarray(headEnd + 4)
    const bodiless = toHead || status < 200 || status === 204 || status === 304
    const body = bodiless ? { text: '', bytes: 0 } : bodyOf(after, headers, closed)
    if (!body) break
    if (status >= 200) answers.push({ status, headers, body: body.text })
    left = after.subarray(body.bytes)
  }
  return { answers, closed, rest: left.subarray(0, 40).toString('latin1') }
}

/** Undefined while it is not whole. */
function bodyOf(bytes: Buffer, headers: Map<string, string>, closed: boolean) {
  if (headers.get('transfer-encoding') === 'chunked') return chunkedBody(bytes)
  const length = headers.get('content-length')
  if (length === undefined) return closed ? { text: bytes.toString(), bytes: bytes.length } : undefined
  return bytes.length < Number(length)
    ? undefined
    : { text: bytes.subarray(0, Number(length)).toString(), bytes: Number(length) }
}

function chunkedBody(bytes: Buffer) {
  const pieces: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    const next = lineEnd + 2 + size + 2
    if (next > bytes.length) return undefined
    if (size === 0) return { text: Buffer.concat(pieces).toString(), bytes: next }
    pieces.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}

/** The code or sentence of an error in any door's shape; undefined for what is in none. */
export function errorOf(body: string): string | undefined {
  try {
    const { error, details } = JSON.parse(body) as {
      error?: string | { code?: string; message?: string }
      details?: { code?: string }
    }
    if (typeof error === 'string') return details?.code ?? error
    return error?.message ? error.code : undefined
  } catch {
    return undefined
  }
}
