/** Small changes of bytes, drawn from a seed: the same seed makes the same inputs. */

export type Random = () => number

/** Mulberry32: numbers in [0, 1). */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Numbers at which readers of lengths and counts go wrong. */
const edges = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

type Change = (bytes: Buffer, random: Random) => Buffer

const place = (bytes: Buffer, random: Random): number => Math.floor(random() * (bytes.length + 1))
const joined = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts)

/** One to sixteen changes. `other` is another input to borrow from, `tokens` are words of the format. */
export function mutated(
  bytes: Buffer,
  {
    random,
    other,
    tokens,
    mostBytes,
  }: { random: Random; other: Buffer; tokens: readonly string[]; mostBytes: number },
): Buffer {
  const insert = (at: number, what: Uint8Array, bytes: Buffer) =>
    joined(bytes.subarray(0, at), what, bytes.subarray(at))
  const overwrite = (at: number, what: Uint8Array, bytes: Buffer) =>
    joined(bytes.subarray(0, at), what, bytes.subarray(at + what.length))
  const edge = (): Buffer => {
    const number = Buffer.alloc(8)
    const value = edges[Math.floor(random() * edges.length)] ?? 0
    const width = 2 ** Math.floor(random() * 4)
    if (random() < 0.5) number.writeUInt32LE(value)
    else number.writeUInt32BE(value)
    return number.subarray(0, width)
  }
  const changes: Change[] = [
    (bytes) => overwrite(place(bytes, random), Buffer.of(random() * 256), bytes),
    (bytes) => insert(place(bytes, random), Buffer.of(random() * 256), bytes),
    (bytes) => overwrite(place(bytes, random), edge(), bytes),
    (bytes) => bytes.subarray(0, place(bytes, random)),
    (bytes) => {
      const from = place(bytes, random)
      return joined(bytes.subarray(0, from), bytes.subarray(from + random() * 16))
    },
    (bytes) => {
      const from = place(bytes, random)
      return insert(place(bytes, random), bytes.subarray(from, from + random() * 64), bytes)
    },
    (bytes) => joined(bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random))),
    (bytes) => {
      const token = Buffer.from(tokens[Math.floor(random() * tokens.length)] ?? '', 'latin1')
      return (random() < 0.5 ? insert : overwrite)(place(bytes, random), token, bytes)
    },
  ]
  let result = bytes
  for (let left = 2 ** Math.floor(random() * 5); left > 0; left -= 1) {
    const change = changes[Math.floor(random() * changes.length)]
    if (change) result = change(result, random)
  }
  return result.subarray(0, mostBytes)
}
