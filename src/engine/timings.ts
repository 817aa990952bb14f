/** How long the supervisor waits for what. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds, but for `misses` and `crashLimit`. Only tests use others. */
export const timings = {
  healthPoll: 50,
  filesPoll: 2000,
  backoffFirst: 1000,
  backoffMost: 60_000,
  /** A run of this length starts the back-off anew. */
  steady: 300_000,
  /** Crashes in a row after which the state says failed, while tries go on. */
  crashLimit: 5,
  slowRetry: 60_000,
  /** The engine's slots answer within milliseconds even during a picture: silence means it is wedged. */
  watch: 5000,
  misses: 3,
  loadLimit: 1_800_000,
  /** Longest time in which an engine that has a request neither computes nor reads: all it needs is in memory. */
  workStall: 8000,
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
