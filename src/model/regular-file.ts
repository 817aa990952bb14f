/**
 * Opens files that may be anything. Only a regular file is opened, links to one included: a FIFO would keep us waiting
 * for its writer, and opening some devices does something.
 */
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { otherKind } from '../plain-file.ts'
import { ModelProblem } from './model-problem.ts'

export type OpenFile = { file: FileHandle; bytes: number }

/** The caller closes it. Throws `ModelProblem` for what is missing, no regular file, or unreadable. */
export async function openRegular(path: string): Promise<OpenFile> {
  const refuse = (error: NodeJS.ErrnoException) => {
    throw unreadable(path, error)
  }
  mustBeRegular(path, await stat(path).catch(refuse))
  // What lies there may have changed meanwhile: not even then do we wait.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(refuse)
  try {
    const stats = await file.stat()
    mustBeRegular(path, stats)
    return { file, bytes: stats.size }
  } catch (error) {
    await file.close()
    throw error
  }
}

/** The text of a small file. Throws `ModelProblem` as well when it has more than `mostBytes`. */
export async function readSmall(path: string, mostBytes: number): Promise<string> {
  const { file, bytes } = await openRegular(path)
  try {
    if (bytes > mostBytes) {
      throw new ModelProblem(`${path} has ${bytes} bytes, where ${mostBytes} at most make sense`)
    }
    // It may grow while it is read.
    const buffer = Buffer.alloc(bytes)
    const { bytesRead } = await file.read(buffer, 0, bytes, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

export const unreadable = (path: string, { code }: NodeJS.ErrnoException): ModelProblem =>
  new ModelProblem(`${path} cannot be read (${code}); make it readable for the service's user`)

/** Throws `ModelProblem` that tells what else it is. */
export function mustBeRegular(path: string, stats: Stats): void {
  const kind = otherKind(stats)
  if (kind) throw new ModelProblem(`${path} is ${kind}, not a file`)
}
