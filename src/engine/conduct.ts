/** How an engine behaves towards those who ask it: what the watch judges it by. */

/** How the engine came to be done with a request. */
export type Settled =
  /** It answered, or said why it does not. */
  | 'answered'
  /** It let go of it before the end, or never had it. */
  | 'given up'
  /** It ended, or does not answer any more, while it worked on it. */
  | 'engine ended'

/** A request that the engine has, from the first byte sent until it has let go of it. */
export type Held = {
  /** When something was last heard of it, by `performance.now()`. */
  heardAt: number
  /** Milliseconds that the engine may say nothing for, by what it took before; undefined while nobody knows. */
  readonly expectedMs: number | undefined
}

export type Conduct = ReturnType<typeof createConduct>

/** What others want to hear of at once. */
export type Heard = {
  /** A request was answered. */
  onAnswered?: () => void
  /** A request was lost: the engine is gone, or as good as that, before its process shows it. */
  onLost?: () => void
}

export function createConduct({ onAnswered, onLost }: Heard = {}) {
  const held = new Set<Held>()
  let failures = 0
  let lost = 0
  return {
    held: held as ReadonlySet<Held>,
    /** How often it failed since it last answered. That a caller was refused for a fault of his own is an answer. */
    get failures(): number {
      return failures
    },
    take(expectedMs?: number): Held {
      const request = { heardAt: performance.now(), expectedMs }
      held.add(request)
      return request
    },
    letGo(request: Held, settled: Settled): void {
      held.delete(request)
      if (settled !== 'engine ended') return
      lost += 1
      onLost?.()
    },
    /** Once it has ended: whether it did so while it worked for somebody. */
    endedAtWork: (): boolean => lost + held.size > 0,
    answered(): void {
      failures = 0
      onAnswered?.()
    },
    failed(): void {
      failures += 1
    },
    /** It has proved itself since. */
    forgive(): void {
      failures = 0
    },
  }
}
