/** Whether an engine is stuck on a request: it does nothing, or far more than such a request ever took. */
import type { Conduct, Held } from './conduct.ts'
import type { Pulse } from './pulse.ts'
import type { Timings } from './timings.ts'

export type Working = {
  engine: { conduct: Pick<Conduct, 'held'> }
  threads: number
  pulse: Pulse
  times: Timings
}

/** Times the expected work after which it is not expected to end any more. */
const farBeyond = 3
/** Work below this, in milliseconds, is never far too much. */
const leastWorkMs = 20_000

/**
 * A function to be called at every look, with the milliseconds that the engine has not worked for. It gives a sentence
 * once the engine is stuck. Work is measured in the engine's own CPU time, so that a busy machine makes no difference.
 */
export function stuckOnRequest({ engine, threads, pulse, times }: Working) {
  /** The engine's CPU time at the look that first saw this silence. */
  const silences = new WeakMap<Held, { heardAt: number; cpuMs: number }>()

  return async (idleMs: number): Promise<string | undefined> => {
    const { held } = engine.conduct
    if (held.size === 0) return undefined
    const now = performance.now()
    if (idleMs > times.workStall && [...held].every(({ heardAt }) => now - heardAt > times.workStall))
      return 'The engine stopped working on a request and was ended'
    const cpuMs = (await pulse())?.cpuMs ?? 0
    for (const request of held) {
      const { heardAt, expectedMs } = request
      const silence = silences.get(request)
      if (silence?.heardAt !== heardAt) silences.set(request, { heardAt, cpuMs })
      else if (expectedMs !== undefined) {
        // What is side by side shares the work.
        const limitMs = Math.max(leastWorkMs, farBeyond * expectedMs) * threads * held.size
        if (cpuMs - silence.cpuMs > limitMs)
          return 'The engine worked on a request far longer than it ever took for such a picture, and was ended'
      }
    }
    return undefined
  }
}
