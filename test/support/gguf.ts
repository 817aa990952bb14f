/** Writes GGUF files (version 3): for what reads headers alone, and whole models with made-up weights. */
import { closeSync, openSync, writeSync } from 'node:fs'

/** A plain number becomes uint32, as most of a model's are. */
export type Value =
  | string
  | number
  | boolean
  | string[]
  | number[]
  | { float: number }
  | { signed: number }
  | { int: number[] }
  | { floats: number[] }
  | { flags: boolean[] }

/** The id in the file, values in a block, bytes of a block. */
export const tensorTypes = {
  f32: { id: 0, values: 1, bytes: 4 },
  f16: { id: 1, values: 1, bytes: 2 },
  q4_k: { id: 12, values: 256, bytes: 144 },
  q6_k: { id: 14, values: 256, bytes: 210 },
  q8_0: { id: 8, values: 32, bytes: 34 },
  bf16: { id: 30, values: 1, bytes: 2 },
  i8: { id: 24, values: 1, bytes: 1 },
  i32: { id: 26, values: 1, bytes: 4 },
  f64: { id: 28, values: 1, bytes: 8 },
} as const
export type TensorType = keyof typeof tensorTypes

export type Tensor = {
  name: string
  /** The fastest first. */
  dims: number[]
  type: TensorType
  /** The bytes in pieces, `tensorBytes` in all; zeros when left out. */
  data?: () => Iterable<Uint8Array>
}

const alignment = 32
const padded = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

export const valueCount = (dims: number[]): number => dims.reduce((product, dim) => product * dim, 1)

export function tensorBytes({ dims, type }: Pick<Tensor, 'dims' | 'type'>): number {
  const { values, bytes } = tensorTypes[type]
  return (valueCount(dims) / values) * bytes
}

/** A tensor for each of so many layers: what the gateway looks for in a model. */
export const layerTensors = (layers: number): Tensor[] =>
  Array.from({ length: layers }, (_, layer) => ({
    name: `blk.${layer}.attn_norm.weight`,
    dims: [8],
    type: 'f32',
  }))

/** Written piece by piece: a model may be larger than the memory. */
export function writeGguf(path: string, metadata: Record<string, Value>, tensors: Tensor[] = []): void {
  const entries = Object.entries(metadata)
  let offset = 0
  const places = tensors.map((tensor) => {
    const place = Buffer.concat([
      text(tensor.name),
      uint32(tensor.dims.length),
      ...tensor.dims.map(uint64),
      uint32(tensorTypes[tensor.type].id),
      uint64(offset),
    ])
    offset += padded(tensorBytes(tensor))
    return place
  })
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(entries.length),
    ...entries.flatMap(([key, value]) => [text(key), tagged(value)]),
    ...places,
  ])
  const file = openSync(path, 'w')
  try {
    writeSync(file, header)
    if (tensors.length > 0) writeSync(file, Buffer.alloc(padded(header.length) - header.length))
    for (const tensor of tensors) writeTensor(file, tensor)
  } finally {
    closeSync(file)
  }
}

function writeTensor(file: number, tensor: Tensor): void {
  const bytes = tensorBytes(tensor)
  let written = 0
  for (const piece of tensor.data?.() ?? [Buffer.alloc(bytes)]) written += writeSync(file, piece)
  if (written !== bytes) throw new Error(`${tensor.name}: ${written} bytes written, ${bytes} expected`)
  writeSync(file, Buffer.alloc(padded(bytes) - bytes))
}

const types = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 }

function tagged(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([uint32(types.string), text(value)])
  if (typeof value === 'number') return Buffer.concat([uint32(types.uint32), uint32(value)])
  if (typeof value === 'boolean') return Buffer.concat([uint32(types.bool), bool(value)])
  if (Array.isArray(value)) {
    return typeof value[0] === 'string'
      ? list(types.string, (value as string[]).map(text))
      : list(types.uint32, (value as number[]).map(uint32))
  }
  if ('int' in value) return list(types.int32, value.int.map(int32))
  if ('floats' in value) return list(types.float32, value.floats.map(float32))
  if ('flags' in value) return list(types.bool, value.flags.map(bool))
  if ('signed' in value) return Buffer.concat([uint32(types.int32), int32(value.signed)])
  return Buffer.concat([uint32(types.float32), float32(value.float)])
}

const list = (type: number, items: Buffer[]): Buffer =>
  Buffer.concat([uint32(types.array), uint32(type), uint64(items.length), ...items])

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}

function number(length: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(length)
  write(bytes)
  return bytes
}

const bool = (value: boolean): Buffer => Buffer.from([value ? 1 : 0])
const uint32 = (value: number): Buffer => number(4, (bytes) => bytes.writeUInt32LE(value))
const int32 = (value: number): Buffer => number(4, (bytes) => bytes.writeInt32LE(value))
const float32 = (value: number): Buffer => number(4, (bytes) => bytes.writeFloatLE(value))
const uint64 = (value: number): Buffer => number(8, (bytes) => bytes.writeBigUInt64LE(BigInt(value)))
