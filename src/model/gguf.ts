/**
 * The headers of GGUF files, that is metadata and the places of tensors, never weights. What is no GGUF file is a
 * `ModelProblem`.
 */
import { gguf } from '@huggingface/gguf'
import { messageOf } from '../errors.ts'
import { ModelProblem } from './model-problem.ts'
import { openRegular } from './regular-file.ts'

export type Header = {
  metadata: Record<string, unknown>
  /** In the order of the file; `offset` is in bytes from the first tensor's beginning. */
  tensors: { name: string; offset: number }[]
  /** Bytes before the first tensor. */
  dataOffset: number
}

export async function readHeader(path: string): Promise<Header> {
  await mustBeGguf(path)
  try {
    const { metadata, tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true })
    const tensors = tensorInfos.map(({ name, offset }) => ({ name, offset: Number(offset) }))
    const header: Header = {
      metadata: metadata as unknown as Header['metadata'],
      tensors: tensors.sort((a, b) => a.offset - b.offset),
      dataOffset: Number(tensorDataOffset),
    }
    if (text(header, 'general.architecture') === undefined) throw new Error('it names no architecture')
    return header
  } catch (error) {
    throw new ModelProblem(
      `${path} has an unreadable GGUF header, as a download that was cut off would (${messageOf(error)}); fetch the file again`,
    )
  }
}

async function mustBeGguf(path: string): Promise<void> {
  const { file } = await openRegular(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    if (bytesRead === 4 && buffer.toString('latin1') === 'GGUF') return
  } finally {
    await file.close()
  }
  throw new ModelProblem(`${path} is not a GGUF file; the service runs models in GGUF format only`)
}

export function text({ metadata }: Header, key: string): string | undefined {
  const value = metadata[key]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** 0 where the key is absent: every caller treats that as unknown. */
export function number({ metadata }: Header, key: string): number {
  const value = metadata[key]
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0
}

/** Bytes that the tensors with such a name take in a file of `fileBytes` bytes, padding included. */
export function tensorBytes(header: Header, fileBytes: number, counts: (name: string) => boolean): number {
  const end = fileBytes - header.dataOffset
  return header.tensors.reduce((sum, { name, offset }, index) => {
    const next = header.tensors[index + 1]?.offset ?? end
    return counts(name) ? sum + next - offset : sum
  }, 0)
}
