/**
 * Pictures by path, for somebody who may name any. Only regular files below folders that were allowed are read, by
 * their real paths: a link out of a folder leads nowhere. Of what lies outside nothing is told, not even that it exists.
 */
import { constants } from 'node:fs'
import { readlink, realpath, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../errors.ts'
import { openPlain, readWhole } from '../plain-file.ts'
import { printable } from '../printable.ts'

export type ReadPicture = (path: string) => Promise<Buffer>

const shownCharacters = 200

/** Throws an Error that says which of the folders cannot be allowed. */
export async function allowedPictures(given: readonly string[], mostBytes: number): Promise<ReadPicture> {
  const folders = await Promise.all(given.map(realFolder))

  return async (path) => {
    if (folders.length === 0) {
      throw new Error(
        'No pictures are read from paths: the person who started llama-vision mcp has to add --allow FOLDER for the folder that holds them. A data URL or an address is no path',
      )
    }
    // A relative path may be meant from any of them.
    for (const folder of folders) {
      const real = await realpath(resolve(folder, plainPath(path))).catch(() => '')
      if (isBelow(real, folders)) return read(real, folders, mostBytes)
    }
    throw new Error(
      `There is no picture at ${printable(path, shownCharacters)} in what may be read: ${folders.join(', ')} (llama-vision mcp --allow FOLDER adds to that)`,
    )
  }
}

async function realFolder(folder: string): Promise<string> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error)
  if (found instanceof Error) throw new Error(`--allow ${folder}: it cannot be read (${found.code})`)
  if (!found.isDirectory()) throw new Error(`--allow ${folder}: it is no folder`)
  return realpath(folder)
}

/** Some clients name files by URLs. */
function plainPath(path: string): string {
  if (!/^file:/i.test(path)) return path
  try {
    return fileURLToPath(path)
  } catch {
    return path
  }
}

const isBelow = (real: string, folders: readonly string[]): boolean =>
  folders.some((folder) => real.startsWith(folder.endsWith(sep) ? folder : folder + sep))

async function read(real: string, folders: readonly string[], mostBytes: number): Promise<Buffer> {
  const fault = (sentence: string) => new Error(`${printable(real, shownCharacters)}: ${sentence}`)
  const file = await openPlain(real, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    throw fault(error.code === undefined ? error.message : `it cannot be read (${error.code})`)
  })
  try {
    // A folder on the way may have become a link meanwhile; where /proc is, it tells what was opened.
    const opened = await readlink(`/proc/self/fd/${file.fd}`).catch(() => real)
    if (!isBelow(opened, folders)) throw fault('it was moved while it was opened')
    const bytes = await readWhole(file, mostBytes).catch((error) => {
      throw fault(messageOf(error))
    })
    if (bytes.length === 0) throw fault('it is empty')
    return bytes
  } finally {
    await file.close()
  }
}
