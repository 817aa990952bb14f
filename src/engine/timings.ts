/** How long the supervisor waits for what. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds, but for counts: what ends in `Limit` (but for `pictureLimit`) and the misses. Only tests use others. */
export const timings = {
  healthPoll: 50,
  filesPoll: 2000,
  backoffFirst: 1000,
  backoffMost: 60_000,
  /** Crashes in a row, without an answer in between, after which the state says failed, while tries go on. */
  crashLimit: 5,
  /** Ends in a row before it was ready, for no known reason, after which the files are to blame. */
  stillbornLimit: 3,
  slowRetry: 60_000,
  /** Between two looks at an engine that runs. */
  watch: 2000,
  /** The engine's slots answer within milliseconds even during a picture: silence in a row means it is wedged. */
  misses: 2,
  /** The same, as long as the process works: the machine may have no time for it. */
  busyMisses: 15,
  /** Longest time in which an engine that has something to do neither computes nor reads. Disks may take that long. */
  loadStall: 30_000,
  /** The same for a request: all it needs is in memory. */
  workStall: 6000,
  /** Failures in a row after which an engine that runs has to prove again that it sees. */
  failureLimit: 3,
  /** Longest time for a first picture. */
  pictureLimit: 300_000,
  /** How long after a fault its cause, the end of the process, may show. */
  lastWords: 250,
}

export type Timings = typeof timings

/**
 * Milliseconds before the next start after so many crashes in a row. Doubles from crash to crash, a quarter up or down
 * by `chance` in [0, 1), so that replicas do not start in step.
 */
export function backoff(times: Timings, crashes: number, chance = Math.random()): number {
  const waitMs = Math.min(times.backoffMost, times.backoffFirst * 2 ** (crashes - 1))
  return waitMs * (0.75 + chance / 2)
}

/** A pause that an abort ends early, without an error. */
export const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => {})
