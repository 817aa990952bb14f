/**
 * Keeps two pulls from writing one file: a lock file, made by exclusive open, that tells who has it. The process id
 * alone does not do, since containers that share a folder have ids of their own: hence the host's name, and a sign of
 * life in the file's time for what cannot be asked after.
 */
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { isAlive } from '../engine/folder.ts'
import { messageOf } from '../errors.ts'
import { PullProblem } from './web.ts'

const signOfLifeMs = 10_000
const abandonedMs = 60_000

/** Locks of this process: an id of our own in a file that is not among them is from before a restart. */
const held = new Set<string>()

/**
 * Runs `work` while the lock file `path` is there. Throws `PullProblem` at once when another process, or this one, has
 * it; that of a process which is gone is taken over. `what` is the file's name in that sentence.
 */
export async function withLock<Result>(
  path: string,
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (held.has(path)) throw taken(what, `${process.pid}`, hostname())
  held.add(path)
  try {
    await take(path, what)
    const signs = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), signOfLifeMs)
    try {
      return await work()
    } finally {
      clearInterval(signs)
      await rm(path, { force: true })
    }
  } finally {
    held.delete(path)
  }
}

async function take(path: string, what: string): Promise<void> {
  if (await made(path)) return
  const [host, pid] = (await readFile(path, 'utf8').catch(() => '')).split(' ')
  const found = await stat(path).catch(() => undefined)
  const isAbandoned =
    !found ||
    Date.now() - found.mtimeMs > abandonedMs ||
    (host === hostname() && (Number(pid) === process.pid || !isAlive(Number(pid))))
  if (isAbandoned) {
    await rm(path, { force: true })
    // Of several that find it abandoned, one makes the new lock.
    if (await made(path)) return
  }
  throw taken(what, pid, host)
}

async function made(path: string): Promise<boolean> {
  try {
    await writeFile(path, `${hostname()} ${process.pid}`, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new PullProblem(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
  }
}

/** The owner is not known yet while it is just writing its name. */
function taken(what: string, pid: string | undefined, host: string | undefined): PullProblem {
  const owner = pid ? `, process ${pid} on ${host},` : ''
  return new PullProblem(`Another pull${owner} is fetching ${what}; wait for it or end it first`)
}
