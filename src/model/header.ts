/** What the header of a GGUF file says, asked for key by key. */

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

export function text({ metadata }: Header, key: string): string | undefined {
  const value = metadata.get(key)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** 0 where the key is absent: every caller treats that as unknown. */
export function number({ metadata }: Header, key: string): number {
  const value = metadata.get(key)
  return typeof value === 'number' ? value : 0
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
