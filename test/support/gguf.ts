/** Writes GGUF headers (version 3, no tensors) for tests of what reads them. */
import { writeFileSync } from 'node:fs'

type Value = string | number | string[] | number[]

const types = { uint32: 4, string: 8, array: 9 }

/** Numbers become uint32, as most of a model's are. */
export function writeGguf(path: string, metadata: Record<string, Value>): void {
  const entries = Object.entries(metadata)
  const header = [Buffer.from('GGUF'), uint32(3), uint64(0), uint64(entries.length)]
  writeFileSync(
    path,
    Buffer.concat([...header, ...entries.flatMap(([key, value]) => [text(key), tagged(value)])]),
  )
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
