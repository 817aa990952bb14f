/**
 * GGUF files on disk: what a folder holds, and the headers of files, that is metadata and the places of tensors, never
 * weights. What is missing or no GGUF file is a `ModelProblem`.
 */
import { open, readdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { gguf } from '@huggingface/gguf'
import { messageOf } from '../errors.ts'

/** Something about the files that only a person can mend. The message is for that person. */
export class ModelProblem extends Error {
  override readonly name = 'ModelProblem'
}

/** The .gguf files of a folder by name; empty when it is missing or unreadable. */
export async function ggufFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => name.toLowerCase().endsWith('.gguf')).sort()
}

/** What helps when the file is missing, and when its folder is. Each names the setting that the path came from. */
export type Advice = { noFile: string; noFolder: string }

export async function mustExist(path: string, { noFile, noFolder }: Advice): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile()) return
  const folder = dirname(path)
  if (!(await stat(folder).catch(() => undefined))) {
    throw new ModelProblem(`${path} not found; the folder ${folder} does not exist. ${noFolder}`)
  }
  const files = await ggufFiles(folder)
  throw new ModelProblem(`${path} not found; the folder holds: ${listed(files)}. ${noFile}`)
}

const mostListed = 10

function listed(files: string[]): string {
  if (files.length === 0) return 'no .gguf files'
  const more = files.length - mostListed
  return files.slice(0, mostListed).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

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
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new ModelProblem(`${path} cannot be read (${error.code}); make it readable for the service's user`)
  })
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
