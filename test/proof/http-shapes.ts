/**
 * Shapes of HTTP that no browser or library sends, as bytes: each has an end that it must come to.
 */
import { redSquare } from '../../src/plain-squares.ts'
import { errorOf, type Heard, type Piece, spoken } from './raw-answers.ts'

/**
 * `answered`: with what was asked for. `refused`: in typed words, and nothing was worked on. `either`: answered or refused,
 * which versions of Node differ in. `ended`: nothing was asked for, so the connection may end without a word.
 */
export type End = 'answered' | 'refused' | 'either' | 'ended'

export type Shape = {
  name: string
  pieces: readonly Piece[]
  end: End
  /** Answers that come, if not one. */
  count?: number
  toHead?: boolean
}

const get = (target = '/livez', version = 'HTTP/1.1') => `GET ${target} ${version}\r\n`
const host = 'Host: localhost\r\n'
/** A whole request: the line, fields and the empty line. */
const request = (line: string, ...fields: string[]) =>
  `${line}${host}${fields.map((field) => `${field}\r\n`).join('')}\r\n`
const question = JSON.stringify({ prompt: 'a', image: redSquare })
const post = (...fields: string[]) =>
  request('POST /infer HTTP/1.1\r\n', 'Content-Type: application/json', ...fields)
const whole = post(`Content-Length: ${question.length}`) + question
const chunked = post('Transfer-Encoding: chunked')
const chunk = (text: string, size = text.length.toString(16)) => `${size}\r\n${text}\r\n`
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

const answered = (name: string, ...pieces: Piece[]): Shape => ({ name, pieces, end: 'answered' })
const refused = (name: string, ...pieces: Piece[]): Shape => ({ name, pieces, end: 'refused' })
const either = (name: string, ...pieces: Piece[]): Shape => ({ name, pieces, end: 'either' })
const ended = (name: string, ...pieces: Piece[]): Shape => ({ name, pieces, end: 'ended' })

export const shapes: readonly Shape[] = [
  // The line.
  refused('no HTTP at all', 'GARBAGE\r\n\r\n'),
  refused('bytes of TLS', Buffer.from('16030100d5010000d10303aabbccdd', 'hex'), '\r\n\r\n'),
  refused('zeros', Buffer.alloc(512)),
  refused('a method that is none', request('GE\x00T /livez HTTP/1.1\r\n')),
  refused('a method that nobody knows', request('BREW /livez HTTP/1.1\r\n')),
  refused('a method in small letters', request('get /livez HTTP/1.1\r\n')),
  refused('no target', request('GET HTTP/1.1\r\n')),
  refused('another protocol', request(get('/livez', 'SPDY/3'))),
  refused('a version of the future', request(get('/livez', 'HTTP/9.9'))),
  refused('a version without an end', request(get('/livez', `HTTP/${'1'.repeat(2000)}`))),
  either('HTTP/0.9', 'GET /livez\r\n\r\n'),
  answered('HTTP/1.0 without a host', `${get('/livez', 'HTTP/1.0')}\r\n`),
  either('bare line feeds', 'GET /livez HTTP/1.1\nHost: localhost\n\n'),
  answered('empty lines before', `\r\n\r\n${request(get(), 'Connection: close')}`),
  refused('spaces before', `   ${request(get())}`),
  refused('HTTP/2 with prior knowledge', preface),
  { ...answered('HEAD', request('HEAD /livez HTTP/1.1\r\n', 'Connection: close')), toHead: true },
  refused('CONNECT', 'CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n'),
  refused('TRACE', request('TRACE / HTTP/1.1\r\n', 'Connection: close')),
  refused('OPTIONS *', request('OPTIONS * HTTP/1.1\r\n', 'Connection: close')),
  refused(
    'SEARCH with a body',
    `${request('SEARCH /infer HTTP/1.1\r\n', 'Content-Length: 2', 'Connection: close')}{}`,
  ),
  // The target.
  answered('a target that names the service', request(get('http://localhost/livez'), 'Connection: close')),
  refused('a target that names another', request(get('http://elsewhere.example/livez'), 'Connection: close')),
  refused('a target of another scheme', request(get('ftp://localhost/livez'), 'Connection: close')),
  refused('a target without a slash', request(get('livez'), 'Connection: close')),
  refused('a zero in the target', request(get('/liv%00ez'), 'Connection: close')),
  refused('a percent sign alone', request(get('/%'), 'Connection: close')),
  refused('half a character in the target', request(get('/%F0%9F%A6'), 'Connection: close')),
  either(
    'bytes above ASCII in the target',
    Buffer.from(request(get('/liv\xe9z'), 'Connection: close'), 'latin1'),
  ),
  refused('out of the folder', request(get('/../../../../etc/passwd'), 'Connection: close')),
  refused(
    'out of the folder, in percent signs',
    request(get('/docs/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd'), 'Connection: close'),
  ),
  either('a path of many slashes', request(get(`/${'/'.repeat(2000)}livez`), 'Connection: close')),
  refused('a long target', request(get(`/${'x'.repeat(20_000)}`))),
  answered('a long query', request(get(`/livez?${'a=1&'.repeat(2000)}`), 'Connection: close')),
  either('a fragment', request(get('/livez#there'), 'Connection: close')),
  // Headers.
  refused('no host', `${get()}\r\n`),
  refused('two hosts', request(get(), 'Host: localhost', 'Connection: close')),
  answered('an empty host', `${get()}Host: \r\nConnection: close\r\n\r\n`),
  refused('the host of another', `${get()}Host: elsewhere.example\r\nConnection: close\r\n\r\n`),
  refused('a host that is none', `${get()}Host: local host/@[::1\r\nConnection: close\r\n\r\n`),
  refused('a large header', request(get(), `X: ${'x'.repeat(20_000)}`)),
  // Node keeps two thousand and drops the rest.
  either('many headers', request(get(), ...Array<string>(3000).fill('X: y'))),
  answered('a thousand headers', request(get(), ...Array<string>(1000).fill('X: y'), 'Connection: close')),
  refused('headers without end', get(), ...Array<Piece>(40).fill(`X: ${'y'.repeat(1000)}\r\n`)),
  refused('a header without a name', request(get(), ': empty')),
  refused('a header without a colon', request(get(), 'nothing')),
  refused('a space before the colon', request(get(), 'Content-Length : 5')),
  either('a folded header', `${get()}${host}X: a\r\n b\r\nConnection: close\r\n\r\n`),
  refused('a zero in a header', request(get(), 'X: a\0b')),
  // Lengths.
  refused('two lengths', post('Content-Length: 5', 'Content-Length: 6') + question),
  refused('a length twice in one', post('Content-Length: 5, 5') + question),
  refused(
    'a length and chunks',
    post('Content-Length: 5', 'Transfer-Encoding: chunked') + chunk('{}') + chunk(''),
  ),
  refused(
    'chunks and a length',
    post('Transfer-Encoding: chunked', 'Content-Length: 5') + chunk('{}') + chunk(''),
  ),
  refused('a length below zero', post('Content-Length: -1') + question),
  refused('a length in hexadecimal', post('Content-Length: 0x2') + question),
  refused('a length beyond all numbers', post(`Content-Length: ${'9'.repeat(40)}`) + question),
  refused('a length beyond the limit', post('Content-Length: 99999999999') + question),
  refused('a coding that nobody knows', post('Transfer-Encoding: cow') + question),
  refused('chunked, and not at last', post('Transfer-Encoding: chunked, gzip') + chunk('{}') + chunk('')),
  refused('chunked by a trick', post('Transfer-Encoding: xchunked', 'Content-Length: 2') + question),
  refused('no length', post('Connection: close') + question),
  // Chunks.
  answered('chunks as they should be', chunked + chunk(question) + chunk('')),
  refused('a size that is none', chunked + chunk(question, 'zz')),
  refused('a size beyond all numbers', chunked + chunk(question, 'f'.repeat(32))),
  refused('a size too small', chunked + chunk(question, '2') + chunk('')),
  answered(
    'chunks with extensions',
    chunked + chunk(question, `${question.length.toString(16)};a="b";c`) + chunk(''),
  ),
  refused(
    'extensions without end',
    chunked + chunk(question, `${question.length.toString(16)};${'a'.repeat(40_000)}`),
  ),
  answered(
    'chunks with trailers',
    `${chunked}${chunk(question)}0\r\nHost: elsewhere.example\r\nX: y\r\n\r\n`,
  ),
  refused('trailers without end', `${chunked}${chunk(question)}0\r\n${'X: y\r\n'.repeat(9000)}\r\n`),
  answered('chunks of one byte', chunked + [...question].map((letter) => chunk(letter)).join('') + chunk('')),
  // Manners.
  answered(
    'told to go on',
    post(`Content-Length: ${question.length}`, 'Expect: 100-continue'),
    100,
    question,
  ),
  refused(
    'an expectation that nobody can meet',
    post(`Content-Length: ${question.length}`, 'Expect: 200-maybe') + question,
  ),
  answered(
    'an upgrade to websockets',
    request(get(), 'Connection: Upgrade, close', 'Upgrade: websocket', 'Sec-WebSocket-Key: AAAA'),
  ),
  answered(
    'an upgrade to HTTP/2',
    request(get(), 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAAA'),
  ),
  { ...either('two questions at once', whole + whole), count: 2 },
  { ...answered('many small ones at once', request(get()).repeat(5)), count: 5 },
  answered(
    'one by one letter',
    ...[...request(get(), 'Connection: close')].flatMap((letter): Piece[] => [letter, 1]),
  ),
  either('a body to what takes none', request(get(), 'Content-Length: 5', 'Connection: close'), 'end'),
  answered('and its end', request(get(), 'Connection: close'), 'end'),
  // Those that come to no request.
  ended('nothing', 'end'),
  ended('nothing, and waits'),
  refused('half a line', 'GET /li', 'end'),
  refused('half a line, and waits', 'GET /li'),
  refused('half of the headers, and waits', get() + host),
  refused('half a body, and waits', post('Content-Length: 500') + question),
  ended('half a body, and leaves', post('Content-Length: 500') + question, 'end'),
  refused('half a chunk, and waits', chunked + chunk(question).slice(0, 20)),
]

/** Sends all of them at once. Names those that did not come to their end, with what they came to instead. */
export async function brokenShapes(port: number, limitMs: number): Promise<string[]> {
  const faults = await Promise.all(
    shapes.map(async (shape) => {
      const { count = 1, pieces, toHead = false } = shape
      const enough = ({ answers }: Heard) => answers.length >= count
      const fault = faultIn(shape, await spoken(port, pieces, { limitMs, enough, toHead }))
      return fault === undefined ? [] : [`${shape.name}: ${fault}`]
    }),
  )
  return faults.flat()
}

function faultIn({ end, toHead, count = 1 }: Shape, { answers, closed }: Heard): string | undefined {
  const statuses = answers.map(({ status }) => status)
  if (answers.length === 0 && closed) return end === 'ended' ? undefined : 'ended without a word'
  // Who ends a connection may leave what is behind the end unanswered.
  if (answers.length === 0 || (answers.length < count && !closed)) return 'unanswered'
  if (statuses.some((status) => status >= 500)) return `answered ${statuses.join(', ')}`
  const untyped = answers.find(({ status, body }) => status >= 400 && !toHead && errorOf(body) === undefined)
  if (untyped) return `untyped ${untyped.status}`
  const wrong = {
    answered: statuses.some((status) => status >= 400),
    refused: statuses.some((status) => status < 400),
  }
  return (end === 'answered' || end === 'refused') && wrong[end]
    ? `not ${end}: ${statuses.join(', ')}`
    : undefined
}
