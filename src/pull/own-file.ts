/** Small files of JSON that pull keeps beside the models. Whatever else bears such a name is neither read nor written. */
import { constants } from 'node:fs'
import { openPlain } from '../plain-file.ts'
import { reasonOf } from '../trouble.ts'
import { PullProblem } from './requests.ts'

/** Thousands of names. */
const maxBytes = 1024 ** 2

/** What the file holds; undefined where there is none, a text where it holds no JSON. Throws `PullProblem`. */
export async function readOwn(path: string): Promise<unknown> {
  const handle = await openPlain(path, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new PullProblem(`${path} cannot be read: ${reasonOf(error)}`, { cause: error })
  })
  if (!handle) return undefined
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(maxBytes), 0, maxBytes, 0)
    return JSON.parse(buffer.toString('utf8', 0, bytesRead))
  } catch {
    return 'no JSON'
  } finally {
    await handle.close()
  }
}

/** Once this is done, the text survives a power cut. Throws `PullProblem`. */
export const writeOwn = (path: string, content: unknown): Promise<void> =>
  writing(path, async () => {
    const handle = await openPlain(path, constants.O_WRONLY | constants.O_CREAT)
    try {
      await handle.truncate()
      await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await handle.datasync()
    } finally {
      await handle.close()
    }
  })

/** A disk's failure is no passing trouble, unlike a connection's. */
export async function writing<Result>(path: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write()
  } catch (error) {
    throw new PullProblem(`${path} cannot be written: ${reasonOf(error)}`, { cause: error })
  }
}
