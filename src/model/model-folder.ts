/** What a folder holds, as far as models go. It may be anybody's: names are bounded in number and read a few at a time. */
import { opendir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ModelProblem } from './model-problem.ts'
import { mustBeRegular, unreadable } from './regular-file.ts'

/** More models than this are told of as so many. */
export const mostFiles = 1000
/** Other files may lie between them. */
const mostEntries = 100_000

/** Names in a folder that `counts`, in order, `most` of them at most; none when it is missing or unreadable. */
export async function namesIn(
  folder: string,
  counts: (name: string) => boolean,
  most: number,
): Promise<string[]> {
  const names: string[] = []
  const entries = await opendir(folder, { bufferSize: 1024 }).catch(() => undefined)
  if (!entries) return names
  let seen = 0
  try {
    // The loop closes the folder, however it ends.
    for await (const { name } of entries) {
      seen += 1
      if (counts(name)) names.push(name)
      if (names.length === most || seen === mostEntries) break
    }
  } catch {
    // What was seen before it became unreadable counts.
  }
  return names.sort()
}

/** The .gguf files of a folder by name. */
export const ggufFiles = (folder: string): Promise<string[]> =>
  namesIn(folder, (name) => name.toLowerCase().endsWith('.gguf'), mostFiles)

/** What helps when the file is missing, and when its folder is. Each names the setting that the path came from. */
export type Advice = { noFile: string; noFolder: string }

export async function mustExist(path: string, { noFile, noFolder }: Advice): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (!(found instanceof Error)) {
    if (!found.isDirectory()) return mustBeRegular(path, found)
    const files = await ggufFiles(path)
    throw new ModelProblem(`${path} is a folder, not a file; it holds: ${listed(files)}. ${noFile}`)
  }
  if (found.code === 'EACCES') throw unreadable(path, found)
  if (found.code === 'ELOOP') throw new ModelProblem(`${path} is a link that leads back to itself. ${noFile}`)
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
  const atLeast = files.length === mostFiles ? 'at least ' : ''
  return files.slice(0, mostListed).join(', ') + (more > 0 ? ` and ${atLeast}${more} more` : '')
}
