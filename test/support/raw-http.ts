/** HTTP as bytes, for what no well-behaved client would send. */
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { until } from './until.ts'

export type RawConnection = {
  socket: Socket
  /** All that came back so far. */
  answer(): string
  /** Waits until the service has closed the connection. */
  closed(): Promise<void>
  /** Waits until the answer holds `text`. */
  says(text: string): Promise<void>
}

/**
 * Opens a connection to this machine and writes `text`. It ends with the test and not before, whatever the service does;
 * its errors are its end.
 */
export function speak(t: Test, port: number, text: string | Buffer = ''): RawConnection {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  t.teardown(() => socket.destroy())
  let answer = ''
  let over = false
  for (const event of ['end', 'close'])
    socket.on(event, () => {
      over = true
    })
  socket.on('data', (bytes) => {
    answer += bytes
  })
  socket.write(text)
  return {
    socket,
    answer: () => answer,
    closed: () => until(() => over, 'the end of the connection'),
    says: (text) => until(() => answer.includes(text), `"${text}" in the answer`),
  }
}

/** A request with its body, of JSON unless `headers` say otherwise. */
export function requestText(
  path: string,
  body = '',
  { method = 'POST', headers = '' }: { method?: string; headers?: string } = {},
): string {
  const kind = /content-type/i.test(headers) ? '' : 'Content-Type: application/json\r\n'
  const length = method === 'GET' ? '' : `${kind}Content-Length: ${Buffer.byteLength(body)}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${length}${headers}\r\n${body}`
}
