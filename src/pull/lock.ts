/**
 * Keeps two pulls, or runs of `caption`, from writing one file, also those of containers that share a folder: a lock is a folder whose time is
 * renewed while its owner lives, so one that was left behind is taken over once its time is old. No process number says
 * so sooner: it means nothing in another container, and a second record beside the lock is one more to be torn.
 */
import { lstat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { lock } from 'proper-lockfile'
import { reasonOf } from '../trouble.ts'
import { PullProblem } from './requests.ts'

/** A lock that was not renewed for so long belongs to nobody any more. */
export const staleSeconds = 15
const renewMs = 5000
const retryMs = 50

/**
 * Runs `work` while the lock `path` is held; its signal fires with a `PullProblem` once the lock is lost. Throws one
 * that says `taken` where another holds it for longer than `waitSeconds`.
 */
export async function withLock<Result>(
  path: string,
  { taken, owner = 'pull', waitSeconds = 0 }: { taken: string; owner?: string; waitSeconds?: number },
  work: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const loss = new AbortController()
  // A process that stood still for long may have been taken for dead: two of them must not write one file.
  const onCompromised = (cause: Error) =>
    loss.abort(
      new PullProblem(`${path} was taken over by another ${owner}; begin again when it has ended`, { cause }),
    )
  const giveUpAt = performance.now() + waitSeconds * 1000
  let release = await acquire(path, owner, onCompromised)
  while (!release) {
    if (performance.now() >= giveUpAt) throw new PullProblem(taken)
    await sleep(retryMs)
    release = await acquire(path, owner, onCompromised)
  }
  try {
    return await work(loss.signal)
  } finally {
    await release().catch(() => {})
  }
}

/** What gives the lock back; undefined while another holds it. The package's own retries also try what a disk refuses. */
async function acquire(path: string, owner: string, onCompromised: (cause: Error) => void) {
  const stale = staleSeconds * 1000
  const found = await lstat(path).catch(() => undefined)
  if (found && !found.isDirectory())
    throw new PullProblem(`${path} is no lock that a ${owner} left. Remove or rename it first`)
  try {
    return await lock(path, { lockfilePath: path, realpath: false, stale, update: renewMs, onCompromised })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOCKED') return undefined
    throw new PullProblem(`${path} cannot be written: ${reasonOf(error)}`, { cause: error })
  }
}
