/** Writes GGUF headers (version 3) for tests of what reads them; a tensor has a name, a size and no bytes that count. */
import { writeFileSync } from 'node:fs'

type Value = string | number | string[] | number[]

const types = { uint32: 4, string: 8, array: 9 }

const alignment = 32
const float32 = 0

/** Numbers become uint32, as most of a model's are. `tensors`: bytes by name, in multiples of 32. */
export function writeGguf(
  path: string,
  metadata: Record<string, Value>,
  tensors: Record<string, number> = {},
): void {
  const entries = Object.entries(metadata)
  const sizes = Object.entries(tensors)
  let offset = 0
  const infos = sizes.flatMap(([name, bytes]) => {
    const place = [uint32(1), uint64(bytes / 4), uint32(float32), uint64(offset)]
    offset += bytes
    return [text(name), ...place]
  })
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(sizes.length),
    uint64(entries.length),
    ...entries.flatMap(([key, value]) => [text(key), tagged(value)]),
    ...infos,
  ])
  const padding = sizes.length > 0 ? (alignment - (header.length % alignment)) % alignment : 0
  writeFileSync(path, Buffer.concat([header, Buffer.alloc(padding + offset)]))
}

function tagged(value: Value): Buffer {
  if (!Array.isArray(value)) return Buffer.concat([uint32(typeOf(value)), plain(value)])
  const first = value[0] ?? 0
  return Buffer.concat([
    uint32(types.array),
    uint32(typeOf(first)),
    uint64(value.length),
    ...value.map(plain),
  ])
}

const typeOf = (value: string | number): number => (typeof value === 'string' ? types.string : types.uint32)
const plain = (value: string | number): Buffer => (typeof value === 'string' ? text(value) : uint32(value))

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
