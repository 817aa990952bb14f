/**
 * Keeps two pulls from writing one file, also those of containers that share a folder: a lock is a folder whose time is
 * renewed while its owner lives, so one that was left behind is taken over once its time is old.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { lock } from 'proper-lockfile'
import { messageOf } from '../errors.ts'
import { PullProblem } from './requests.ts'

/** A lock that was not renewed for so long belongs to nobody any more. */
const staleMs = 15_000
const renewMs = 5000
/** Turns at writing a list are short, unless who had one was killed: then it is taken over first. */
const patienceMs = 2 * staleMs
const retryMs = 50

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
  holding(path, patienceMs, `${path} is held by another pull for too long; pull again`, work)

async function holding<Result>(
  path: string,
  waitMs: number,
  taken: string,
  work: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const loss = new AbortController()
  // A process that stood still for long may have been taken for dead: two of them must not write one file.
  const onCompromised = (cause: Error) =>
    loss.abort(
      new PullProblem(`${path} was taken over by another pull; pull again when it has ended`, { cause }),
    )
  const release = await acquired(path, performance.now() + waitMs, taken, onCompromised)
  try {
    return await work(loss.signal)
  } finally {
    await release().catch(() => {})
  }
}

async function acquired(
  path: string,
  giveUpAt: number,
  taken: string,
  onCompromised: (cause: Error) => void,
): Promise<() => Promise<void>> {
  const options = { lockfilePath: path, realpath: false, stale: staleMs, update: renewMs, onCompromised }
  for (;;) {
    try {
      return await lock(path, options)
    } catch (error) {
      // The package's own retries would try again what the disk refuses, too.
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') {
        throw new PullProblem(`${path} cannot be written: ${messageOf(error)}`, { cause: error })
      }
      if (performance.now() >= giveUpAt) throw new PullProblem(taken)
      await sleep(retryMs)
    }
  }
}
