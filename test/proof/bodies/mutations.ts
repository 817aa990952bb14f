/** An honest request -> one that nobody sends by accident. The same number makes the same request. */
import { mutated, type Random, seeded } from '../../fuzz/mutate.ts'
import { boundary, formPart, type Honest } from './honest.ts'
import { changedJson } from './json-changes.ts'

export type Attempt = {
  method: string
  path: string
  headers: Record<string, string>
  body: Buffer | undefined
}

const mostBytes = 256 * 1024
const tokens = [
  ...['{', '}', '[', ']', '"', '\\', ',', ':', '\\ud800', 'null', '1e999', '\xef\xbb\xbf', '"__proto__":'],
  ...[
    `--${boundary}`,
    `--${boundary}--`,
    '\r\n',
    '\r\n\r\n',
    'name="',
    'filename="',
    "filename*=UTF-8''%zz",
    '\0',
  ],
  ...['IHDR', 'IDAT', 'IEND', '\xff\xd8', '%PDF', 'RIFF'],
]
const types = [
  'application/json',
  'application/json; charset=utf-16',
  'application/json;'.repeat(30),
  'application/x-www-form-urlencoded',
  'text/plain',
  'multipart/form-data',
  'multipart/form-data; boundary=""',
  `multipart/form-data; boundary=${'b'.repeat(400)}`,
  `multipart/mixed; boundary=${boundary}`,
  'multipart/form-data; boundary=--; boundary=a',
  'image/png',
  'image/',
  'application/pdf',
  'IMAGE/SVG+XML',
  'application/octet-stream',
  '',
  ',',
  '\x01',
]
const oddHeaders: [string, string][] = [
  ['content-encoding', 'gzip'],
  ['content-encoding', 'identity, br'],
  ['accept', '*/*;q=nothing'],
  ['accept-encoding', 'gzip;q=0, *'],
  ['authorization', 'Bearer '],
  ['authorization', `Basic ${'A'.repeat(4000)}`],
  ['x-request-id', '../../etc/passwd'],
  ['x-request-id', 'a'.repeat(65)],
  ['x-forwarded-for', '127.0.0.1, nobody, [::1'],
  ['x-forwarded-host', 'elsewhere.example'],
  ['range', 'bytes=5-2,-0,a-'],
  ['range', 'bytes=0-'],
  ['if-modified-since', 'yesterday'],
  ['if-none-match', '*'],
  ['te', 'trailers, gzip'],
  ['cookie', '=;'.repeat(500)],
  ['expect', '100-continue'],
  ['connection', 'upgrade, x'],
  ['accept-language', '\xff\xfe'],
  ['content-language', ''],
]
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'SEARCH']
const oddPieces = [
  '%00',
  '%',
  '%zz',
  '%2e%2e%2f',
  '../',
  '..%5c',
  '//',
  '/.',
  ';a=b',
  '?',
  '??a&a=1&a=2&&=',
  '?__proto__=1&constructor[prototype]=2',
  '?dry_run=1&dry_run=0',
  '?prompt=%ff%fe',
  '?max_tokens=1e9',
  '%c0%ae',
  '%F0%9F%A6%99',
  '*',
  '/:id',
  'a'.repeat(3000),
]

const any = <Item>(list: readonly Item[], random: Random): Item =>
  list[Math.floor(random() * list.length)] as Item
const chance = (random: Random, share: number) => random() < share

export function attemptOf(all: readonly Honest[], number: number): Attempt {
  const random = seeded(number)
  // The first numbers draw much alike.
  random()
  const honest = all[number % all.length] as Honest
  const body = changedBody(honest, any(all, random), random)
  const withBody = body ?? (chance(random, 0.1) ? Buffer.from('{"a":1}') : undefined)
  const type = honest.type ?? (honest.json ? 'application/json' : undefined)
  const asked = withBody && chance(random, 0.07) ? any(types, random) : type
  const odd = chance(random, honest.method === 'GET' ? 0.5 : 0.07) ? [any(oddHeaders, random)] : []
  return {
    method: chance(random, honest.method === 'GET' ? 0.4 : 0.03) ? any(methods, random) : honest.method,
    path: chance(random, honest.method === 'GET' ? 0.7 : 0.08)
      ? changedPath(honest.path, random)
      : honest.path,
    headers: Object.fromEntries([...(asked === undefined ? [] : [['content-type', asked]]), ...odd]),
    body: withBody,
  }
}

function changedBody(
  { json, body, type }: Honest,
  { body: other }: Honest,
  random: Random,
): Buffer | undefined {
  const change = (bytes: Buffer) => mutated(bytes, { random, other: other ?? bytes, tokens, mostBytes })
  if (json) {
    if (chance(random, 0.02)) return Buffer.alloc(0)
    const asJson = changedJson(json, random)
    if (chance(random, 0.7)) return asJson
    return change(chance(random, 0.5) ? asJson : Buffer.from(JSON.stringify(json)))
  }
  if (!body) return undefined
  return type?.startsWith('multipart/') && chance(random, 0.6) ? changedForm(body, random) : change(body)
}

/** Parts that are lost, come twice, in another order, by other names, or are cut off. */
function changedForm(form: Buffer, random: Random): Buffer {
  const mark = `--${boundary}`
  const parts = form
    .toString('latin1')
    .split(mark)
    .slice(1, -1)
    .map((part) => `${mark}${part}`)
  const names = [
    'prompt',
    'image',
    'images',
    'json_schema',
    'stream',
    'dry_run',
    'file',
    '__proto__',
    '',
    'x'.repeat(200),
  ]
  for (let left = 1 + Math.floor(random() * 3); left > 0; left -= 1) {
    const at = Math.floor(random() * parts.length)
    const part = parts[at] ?? ''
    const changes = [
      () => parts.splice(at, 1),
      () => parts.push(part),
      () => parts.unshift(part),
      () => parts.splice(at, 1, part.replace(/name="[^"]*"/, `name="${any(names, random)}"`)),
      () =>
        parts.splice(
          at,
          1,
          part.replace(/Content-Disposition/i, any(['Content-Nothing', ' ', 'Content-Disposition:'], random)),
        ),
      () => parts.splice(at, 1, part.slice(0, random() * part.length)),
      () => parts.splice(at, 0, ...Array<string>(1 + Math.floor(random() * 1100)).fill(part.slice(0, 300))),
      () =>
        parts.push(
          formPart(`name="${any(names, random)}"; filename="${any(names, random)}"`, 'x').toString('latin1'),
        ),
      () =>
        parts.splice(
          at,
          1,
          part.replace('\r\n\r\n', `\r\nContent-Transfer-Encoding: base64\r\n${'X: y\r\n'.repeat(90)}\r\n`),
        ),
    ]
    any(changes, random)()
  }
  const end = any([`${mark}--\r\n`, `${mark}--`, mark, '', `${mark}-\r\n`, `--${boundary}x--\r\n`], random)
  return Buffer.from(parts.join('') + end, 'latin1').subarray(0, mostBytes)
}

function changedPath(path: string, random: Random): string {
  const at = 1 + Math.floor(random() * path.length)
  const odd = any(oddPieces, random)
  return any([`${path.slice(0, at)}${odd}${path.slice(at)}`, path + odd, path.slice(0, at)], random)
}
