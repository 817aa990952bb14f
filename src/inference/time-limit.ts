/** Runs work here and now, and stops it once it takes longer: the one way to stop JavaScript in its thread. */
import { createContext, Script } from 'node:vm'

// One context for all: to make one takes a millisecond, and nothing is left in it between two runs.
const sandbox: { work: (() => unknown) | undefined } = { work: undefined }
const context = createContext(sandbox)
const script = new Script('work()')

/** Throws what `work` throws, or an error for which `isTimeLimit` holds. */
export function withinTime<Result>(milliseconds: number, work: () => Result): Result {
  sandbox.work = work
  try {
    return script.runInContext(context, { timeout: milliseconds })
  } finally {
    sandbox.work = undefined
  }
}

export const isTimeLimit = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
