/**
 * Hostile GGUF files, made of an honest one: every number and length of its header taken to its extremes, types
 * exchanged, the file cut off at every boundary, bytes changed at random. The same seed gives the same files.
 */

/** Something in a header that can be wrong: `bytes` at `at`, a whole number unless `float`. */
type Place = { what: string; at: number; bytes: 1 | 4 | 8; float: boolean; type: boolean }

/** Made when they are asked for: all of them together are large. */
export type HostileFile = { what: string; bytes: () => Buffer }

const scalarBytes = new Map([
  [0, 1],
  [1, 1],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
])
const textType = 8
const listType = 9

/** Where what lies in an honest header (version 3), and where the header ends. */
function placesOf(file: Buffer): { places: Place[]; end: number } {
  const places: Place[] = []
  let at = 4
  const place = (what: string, bytes: Place['bytes'], { float = false, type = false } = {}): number => {
    places.push({ what, at, bytes, float, type })
    at += bytes
    return bytes === 8 ? Number(file.readBigUInt64LE(at - 8)) : bytes === 4 ? file.readUInt32LE(at - 4) : 0
  }
  const name = (what: string): string => {
    const length = place(`length of ${what}`, 8)
    at += length
    return file.toString('utf8', at - length, at)
  }
  const value = (what: string, type: number): void => {
    if (type === textType) name(what)
    else place(what, scalarBytes.get(type) as Place['bytes'], { float: type === 6 || type === 12 })
  }
  place('version', 4)
  const tensors = place('number of tensors', 8)
  const keys = place('number of keys', 8)
  for (let index = 0; index < keys; index += 1) {
    const key = name('a key')
    const type = place(`type of ${key}`, 4, { type: true })
    if (type !== listType) {
      value(key, type)
      continue
    }
    const entryType = place(`type of the entries of ${key}`, 4, { type: true })
    const entries = place(`number of entries of ${key}`, 8)
    for (let entry = 0; entry < entries; entry += 1) {
      const before = places.length
      value(`entry ${entry} of ${key}`, entryType)
      // Of a vocabulary the first few will do.
      if (entry > 3) places.length = before
    }
  }
  for (let index = 0; index < tensors; index += 1) {
    const tensor = name('the name of a tensor')
    const dimensions = place(`number of dimensions of ${tensor}`, 4)
    for (let dimension = 0; dimension < dimensions; dimension += 1) place(`dimension of ${tensor}`, 8)
    place(`type of ${tensor}`, 4, { type: true })
    place(`offset of ${tensor}`, 8)
  }
  return { places, end: at }
}

const wholeNumbers: Record<Place['bytes'], bigint[]> = {
  1: [0n, 1n, 255n],
  4: [0n, 1n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n],
  8: [0n, 1n, 2n ** 31n - 1n, 2n ** 32n, 2n ** 40n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
}
const floats = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-40, 3e38]
/** Those of values up to 13, which is none; of tensors there are more. */
const types = Array.from({ length: 14 }, (_, type) => BigInt(type)).concat(24n, 26n, 28n, 30n, 99n)

/** All that is made of `file`: a few hundred for a small header, `scrambled` of them at random. */
export function hostileFiles(file: Buffer, scrambled: number, seed: number): HostileFile[] {
  const { places, end } = placesOf(file)
  const changed = (what: string, change: (bytes: Buffer) => void): HostileFile => ({
    what,
    bytes() {
      const bytes = Buffer.from(file)
      change(bytes)
      return bytes
    },
  })
  const numbers = places.flatMap(({ what, at, bytes, float, type }) =>
    float && bytes > 1
      ? floats.map((value) =>
          changed(`${what} = ${value}`, (copy) =>
            bytes === 4 ? copy.writeFloatLE(value, at) : copy.writeDoubleLE(value, at),
          ),
        )
      : (type ? types : wholeNumbers[bytes]).map((value) =>
          changed(`${what} = ${value}`, (copy) => {
            for (let byte = 0; byte < bytes; byte += 1) {
              copy[at + byte] = Number((value >> BigInt(8 * byte)) & 255n)
            }
          }),
        ),
  )
  const cuts = places.map(({ what, at }) => ({
    what: `cut off before ${what}`,
    bytes: () => file.subarray(0, at),
  }))
  const scrambles = Array.from({ length: scrambled }, (_, index) =>
    changed(`scrambled ${index}`, (copy) => {
      const random = randomNumbers(seed * 1_000_003 + index)
      const count = 1 + (random() % 8)
      for (let one = 0; one < count; one += 1) copy[4 + (random() % (end - 4))] = random() % 256
    }),
  )
  return [...numbers, ...cuts, ...scrambles]
}

/** So many of them, evenly from all kinds; which, the seed decides. */
export function selected<One>(all: readonly One[], count: number, seed: number): One[] {
  const step = all.length / Math.min(count, all.length)
  const first = (randomNumbers(seed)() / 2 ** 31) * step
  return Array.from({ length: Math.min(count, all.length) }, (_, index) => {
    const one = all[Math.min(all.length - 1, Math.floor(first + index * step))]
    if (one === undefined) throw new Error('within the list')
    return one
  })
}

/** Whole numbers below 2^31, always the same ones (xorshift). */
function randomNumbers(seed: number): () => number {
  let state = seed || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 1
  }
}
