/**
 * What the header of a GGUF file says, asked for key by key. The file is a stranger's: whoever asks for a number says
 * which numbers make sense, and any other is a `ModelProblem`.
 */
import { ModelProblem } from './model-problem.ts'

/** Long texts and lists that nobody asks for are undefined. */
export type Value = string | number | boolean | number[] | string[] | undefined

export type Header = {
  path: string
  /** Bytes of the whole file. */
  fileBytes: number
  metadata: ReadonlyMap<string, Value>
  /** In the order of the file; `offset` is in bytes from the first tensor's beginning. */
  tensors: readonly { name: string; offset: number }[]
  /** Bytes before the first tensor. */
  dataOffset: number
}

/** Both ends included. */
export type Range = readonly [least: number, most: number]

export function text({ metadata }: Header, key: string): string | undefined {
  const value = metadata.get(key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** 0 where the key is absent: every caller treats that as unknown. */
export function whole(header: Header, key: string, range: Range): number {
  return header.metadata.has(key) ? checked(header, key, header.metadata.get(key), range) : 0
}

/** The numbers of a list; undefined where the key is absent or holds none. */
export function wholes(header: Header, key: string, range: Range): number[] | undefined {
  const value = header.metadata.get(key)
  return Array.isArray(value) ? value.map((one) => checked(header, key, one, range)) : undefined
}

function checked({ path }: Header, key: string, value: Value, [least, most]: Range): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  const found = typeof value === 'number' ? String(value) : value === undefined ? 'too long' : `no number`
  throw new ModelProblem(
    `${path} is broken: ${key} is ${found}, expected a whole number from ${least} to ${most}`,
  )
}

/** Bytes that the tensors with such a name take, padding included. */
export function tensorBytes(
  { fileBytes, dataOffset, tensors }: Header,
  counts: (name: string) => boolean,
): number {
  const end = fileBytes - dataOffset
  return tensors.reduce((sum, { name, offset }, index) => {
    const next = tensors[index + 1]?.offset ?? end
    return counts(name) ? sum + next - offset : sum
  }, 0)
}
