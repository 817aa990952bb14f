/**
 * Reads the header of a GGUF file, that is metadata and the places of tensors, never weights; the format is described
 * in ggml's docs/gguf.md. The file is a stranger's: each count is held against the bytes that are there before anything
 * is made of it, and what no one here asks for is walked over. What is no GGUF file, or broken, is a `ModelProblem`.
 */
import { messageOf } from '../errors.ts'
import { CutOff, ForwardReader } from './forward-reader.ts'
import type { Header, Value } from './header.ts'
import { ModelProblem } from './model-problem.ts'
import { type OpenFile, openRegular } from './regular-file.ts'

/** The largest headers that are known have 15 MB: 262,144 tokens and 514,906 merges. */
const mostHeaderBytes = 64 * 1024 ** 2
const mostKeys = 10_000
const mostTensors = 100_000
/** Four times the largest vocabulary that is known. */
const mostTokens = 2 ** 20
const mostKeyBytes = 1024
/** llama.cpp's GGML_MAX_NAME and GGML_MAX_DIMS. */
const mostNameBytes = 63
const mostDimensions = 4
/** Longer ones, such as templates, and longer lists, such as scores, are walked over. */
const mostTextBytes = 16 * 1024
const mostListed = 4096
const longLists = new Set(['tokenizer.ggml.tokens', 'tokenizer.ggml.token_type'])

const defaultAlignment = 32
/** A length, a character, a type and a byte; a length, dimensions, a type and an offset. */
const leastKeyBytes = 14
const leastTensorBytes = 24

export async function readHeader(path: string): Promise<Header> {
  const opened = await openRegular(path)
  try {
    return { path, fileBytes: opened.bytes, ...(await readFrom(opened, path)) }
  } catch (error) {
    if (error instanceof ModelProblem) throw error
    const tooLong = error instanceof CutOff && opened.bytes > mostHeaderBytes
    const reason = tooLong ? `it has more than ${mostHeaderBytes} bytes` : messageOf(error)
    throw new ModelProblem(
      `${path} has an unreadable GGUF header, as a download that was cut off would (${reason}); fetch the file again`,
    )
  } finally {
    await opened.file.close()
  }
}

async function readFrom(opened: OpenFile, path: string): Promise<Omit<Header, 'path' | 'fileBytes'>> {
  const reader = new ForwardReader(opened, mostHeaderBytes)
  const magic = await reader.need(4).then(
    () => reader.take(4).toString('latin1'),
    () => '',
  )
  if (magic !== 'GGUF') {
    throw new ModelProblem(`${path} is not a GGUF file; the service runs models in GGUF format only`)
  }
  await reader.need(20)
  const version = reader.uint32()
  if (version !== 2 && version !== 3) throw new Error(`its version is ${version}, expected 2 or 3`)
  const tensorCount = reader.uint64()
  const keyCount = bounded(reader.uint64(), 'keys', mostKeys, leastKeyBytes, reader)
  bounded(tensorCount, 'tensors', mostTensors, leastTensorBytes, reader)
  const metadata = await readMetadata(reader, keyCount)
  if (!metadata.get('general.architecture')) throw new Error('it names no architecture')
  const tensors = await readTensors(reader, tensorCount)
  const alignment = metadata.get('general.alignment') ?? defaultAlignment
  if (typeof alignment !== 'number' || !(Number.isInteger(Math.log2(alignment)) && alignment < 2 ** 32)) {
    throw new Error('general.alignment is no power of 2')
  }
  const dataOffset = Math.ceil(reader.position / alignment) * alignment
  if (tensors.some(({ offset }) => dataOffset + offset > opened.bytes)) {
    throw new ModelProblem(`${path} is cut off: it ends before its weights do; fetch the file again`)
  }
  return { metadata, tensors, dataOffset }
}

function bounded(
  count: number,
  what: string,
  most: number,
  leastBytes: number,
  reader: ForwardReader,
): number {
  if (count * leastBytes > reader.left) {
    throw new Error(`it claims ${count} ${what}, more than its ${reader.left} bytes can hold`)
  }
  if (count > most) throw new Error(`it claims ${count} ${what}, expected ${most} at most`)
  return count
}

async function readMetadata(reader: ForwardReader, count: number): Promise<Map<string, Value>> {
  const metadata = new Map<string, Value>()
  for (let index = 0; index < count; index += 1) {
    const key = await readName(reader, mostKeyBytes)
    if (key === '') throw new Error('a key is empty')
    if (metadata.has(key)) throw new Error(`${key} is there twice`)
    await reader.need(4)
    metadata.set(key, await readValue(reader, key, reader.uint32()))
  }
  return metadata
}

async function readTensors(reader: ForwardReader, count: number): Promise<Header['tensors']> {
  const tensors: { name: string; offset: number }[] = []
  for (let index = 0; index < count; index += 1) {
    const name = await readName(reader, mostNameBytes)
    await reader.need(4)
    const dimensions = reader.uint32()
    if (dimensions > mostDimensions) throw new Error(`${name} has ${dimensions} dimensions`)
    // Numbers of values and their type are the engine's business.
    const described = 8 * dimensions + 4
    await reader.need(described + 8)
    reader.skip(described)
    tensors.push({ name, offset: reader.uint64() })
  }
  return tensors.sort((a, b) => a.offset - b.offset)
}

async function readName(reader: ForwardReader, mostBytes: number): Promise<string> {
  await reader.need(8)
  const bytes = reader.uint64()
  if (bytes > mostBytes) throw new Error(`a name has ${bytes} bytes, expected ${mostBytes} at most`)
  return await readText(reader, bytes)
}

async function readText(reader: ForwardReader, bytes: number): Promise<string> {
  await reader.need(bytes)
  return reader.text(bytes)
}

/** By their ids in the file. */
const scalars = new Map<number, { bytes: number; read(from: Buffer, at: number): number | boolean }>([
  [0, { bytes: 1, read: (from, at) => from.readUInt8(at) }],
  [1, { bytes: 1, read: (from, at) => from.readInt8(at) }],
  [2, { bytes: 2, read: (from, at) => from.readUInt16LE(at) }],
  [3, { bytes: 2, read: (from, at) => from.readInt16LE(at) }],
  [4, { bytes: 4, read: (from, at) => from.readUInt32LE(at) }],
  [5, { bytes: 4, read: (from, at) => from.readInt32LE(at) }],
  [6, { bytes: 4, read: (from, at) => from.readFloatLE(at) }],
  [7, { bytes: 1, read: (from, at) => from.readUInt8(at) !== 0 }],
  [10, { bytes: 8, read: (from, at) => Number(from.readBigUInt64LE(at)) }],
  [11, { bytes: 8, read: (from, at) => Number(from.readBigInt64LE(at)) }],
  [12, { bytes: 8, read: (from, at) => from.readDoubleLE(at) }],
])
const textType = 8
const listType = 9

async function readValue(reader: ForwardReader, key: string, type: number): Promise<Value> {
  if (type === listType) return await readList(reader, key)
  if (type === textType) {
    await reader.need(8)
    const bytes = reader.uint64()
    if (bytes <= mostTextBytes) return await readText(reader, bytes)
    reader.skip(bytes)
    return undefined
  }
  const scalar = scalars.get(type)
  if (!scalar) throw new Error(`${key} is of an unknown type, ${type}`)
  await reader.need(scalar.bytes)
  return scalar.read(reader.take(scalar.bytes), 0)
}

async function readList(reader: ForwardReader, key: string): Promise<Value> {
  await reader.need(12)
  const type = reader.uint32()
  const count = reader.uint64()
  const scalar = scalars.get(type)
  if (!scalar && type !== textType) throw new Error(`${key} is a list of an unknown type, ${type}`)
  const most = longLists.has(key) ? mostTokens : Number.POSITIVE_INFINITY
  bounded(count, `entries of ${key}`, most, scalar?.bytes ?? 8, reader)
  const wanted = count <= mostListed || longLists.has(key)
  if (scalar) {
    const bytes = count * scalar.bytes
    if (!wanted) return void reader.skip(bytes)
    await reader.need(bytes)
    const all = reader.take(bytes)
    return Array.from({ length: count }, (_, index) => Number(scalar.read(all, index * scalar.bytes)))
  }
  const texts: string[] = []
  for (let index = 0; index < count; index += 1) {
    // There may be a million: waited for only where there is something to wait for.
    if (!reader.has(8)) await reader.need(8)
    const bytes = reader.uint64()
    if (wanted && !reader.has(bytes)) await reader.need(bytes)
    if (wanted) texts.push(reader.text(bytes))
    else reader.skip(bytes)
  }
  return wanted ? texts : undefined
}
