/**
 * A name server that answers what a name says of itself: `4-7f000001.names.test` is 127.0.0.1, `6-xx1.names.test` ::1,
 * `4-5db8d822-7f000001.names.test` both of two, `then-5db8d822-7f000001.names.test` the one and ever after the other.
 * Names that are not told here lead to this machine, as those of the house would.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

const typeA = 1
const typeAaaa = 28
const headBytes = 12
const four = (text: string): Buffer => Buffer.from(text, 'hex')

export type Names = {
  /** Names that were asked for, once each. */
  asked: Set<string>
  port: number
  close(): void
}

export async function serveNames(
  known: Record<string, string>,
  port = 53,
  host = '127.0.0.1',
): Promise<Names> {
  const asked = new Set<string>()
  /** How often the one address of `then-` was told. */
  const told = new Set<string>()
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = questionOf(query)
    asked.add(name)
    const records = recordsOf(name, type).map((bytes) => recordOf(type, bytes))
    const head = Buffer.from(query.subarray(0, headBytes))
    head.writeUInt16BE(0x8180, 2)
    head.writeUInt16BE(records.length, 6)
    head.fill(0, 8)
    socket.send(Buffer.concat([head, query.subarray(headBytes, end), ...records]), port, address)
  })

  function recordsOf(name: string, type: number): Buffer[] {
    const [, kind, rest = ''] = /^(4|6|then)-([\da-fx-]+)\.names\.test$/.exec(name) ?? []
    if (kind === '6') return type === typeAaaa ? [sixBytes(rest.replaceAll('x', ':'))] : []
    if (type !== typeA)
      return kind === undefined && known[name] === undefined && type === typeAaaa ? [sixBytes('::1')] : []
    const addresses = rest.split('-')
    if (kind === '4') return addresses.map(four)
    if (kind !== 'then') return [four(known[name] ?? '7f000001')]
    const [first = '', later = ''] = addresses
    const isFirst = !told.has(name)
    told.add(name)
    return [four(isFirst ? first : later)]
  }

  socket.bind(port, host)
  await once(socket, 'listening')
  return { asked, port: socket.address().port, close: () => socket.close() }
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = headBytes
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

/** Of the name that was asked for, good for no time at all. */
function recordOf(type: number, address: Buffer): Buffer {
  const fixed = Buffer.from([0xc0, headBytes, 0, type, 0, 1, 0, 0, 0, 0, 0, address.length])
  return Buffer.concat([fixed, address])
}

function sixBytes(text: string): Buffer {
  const [left = '', right = ''] = text.split('::').map((side) =>
    side
      .split(':')
      .filter(Boolean)
      .map((part) => part.padStart(4, '0'))
      .join(''),
  )
  return Buffer.from(left + '0'.repeat(32 - left.length - right.length) + right, 'hex')
}
