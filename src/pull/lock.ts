/**
 * Keeps two pulls from writing one file, also those of containers that share a folder: a lock is a folder whose time is
 * renewed while its owner lives, so one that was left behind is taken over once its time is old.
 */
import { lock } from 'proper-lockfile'
import { messageOf } from '../errors.ts'
import { PullProblem } from './requests.ts'

/** A lock that was not renewed for so long belongs to nobody any more. */
const staleMs = 15_000
const renewMs = 5000
/** Turns at writing a list are short: some seconds of trying again, before it is given up. */
const turns = { retries: 100, minTimeout: 20, maxTimeout: 100 }

/**
 * Runs `work` while the lock `path` is held; its signal fires with a `PullProblem` once the lock is lost. Throws
 * `PullProblem` at once while another holds it; `what` is the file.
 */
export const withLock = <Result>(
  path: string,
  what: string,
  work: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> => holding(path, 0, `Another pull is fetching ${what}; wait for it or end it first`, work)

/** The same, but whoever comes later waits for a short turn. */
export const withLockInTurn = <Result>(path: string, work: () => Promise<Result>): Promise<Result> =>
  holding(path, turns, `${path} is held by another pull for too long; pull again`, work)

async function holding<Result>(
  path: string,
  retries: number | typeof turns,
  taken: string,
  work: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const loss = new AbortController()
  const release = await lock(path, {
    lockfilePath: path,
    realpath: false,
    stale: staleMs,
    update: renewMs,
    retries,
    // A process that stood still for long may have been taken for dead: two of them must not write one file.
    onCompromised: (cause) =>
      loss.abort(
        new PullProblem(`${path} was taken over by another pull; pull again when it has ended`, { cause }),
      ),
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOCKED') throw new PullProblem(taken)
    throw new PullProblem(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
  })
  try {
    return await work(loss.signal)
  } finally {
    await release().catch(() => {})
  }
}
