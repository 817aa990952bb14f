/**
 * How the process of the service ends. After a signal, requests under way get their time, and the status is 0. After an
 * error that nobody caught they get none, since nobody knows what it broke, and the status is 1. Either way whoever
 * waits is answered and the engine goes, and if that fails or takes too long, the process ends all the same.
 */
import type { Log } from '../engine/log.ts'

export type Ending = {
  log: Log
  /** Time that requests under way get after a signal. */
  graceMs: number
  /** Asked again with `atOnce` when an error comes while it stops. */
  stop(how: { atOnce: boolean }): Promise<void>
}

/**
 * By these people and supervisors end a process. SIGSEGV and its like are not among them: who listens for those makes
 * a process that broke try the same instruction for ever.
 */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const
/** A Ctrl-C comes twice where npm or npx passes it on; what follows so soon is the same wish. */
const sameWishMs = 1000
/** Time for the last answers to leave and for the engine to end. */
const aftermathMs = 10_000

/** What only tests replace. */
export type Surroundings = {
  own?: Pick<NodeJS.Process, 'on' | 'exit'>
  lastMs?: number
  now?: () => number
}

/**
 * Fires with `reason` at the first of these signals. Another one ends the process at once, unless it is the first once
 * more. `forget` leaves both to whoever comes next.
 */
export function firstSignal(
  names: readonly NodeJS.Signals[],
  reason: Error,
): { signal: AbortSignal; forget: () => void } {
  const controller = new AbortController()
  let signalledAt: number | undefined
  const onSignal = () => {
    controller.abort(reason)
    signalledAt ??= performance.now()
    if (performance.now() - signalledAt > sameWishMs) process.exit(130)
  }
  for (const name of names) process.on(name, onSignal)
  const forget = () => {
    for (const name of names) process.off(name, onSignal)
  }
  return { signal: controller.signal, forget }
}

export function endInOrder(
  { log, graceMs, stop }: Ending,
  { own = process, lastMs = aftermathMs, now = () => performance.now() }: Surroundings = {},
): void {
  let signalledAt: number | undefined
  let failed = false
  let endsAt = Number.POSITIVE_INFINITY
  let limit: NodeJS.Timeout | undefined

  function leave(status: number): void {
    clearTimeout(limit)
    own.exit(status)
  }

  function end(how: { atOnce: boolean }): void {
    endsAt = Math.min(endsAt, now() + (how.atOnce ? 0 : graceMs) + lastMs)
    clearTimeout(limit)
    limit = setTimeout(() => {
      log.error({}, 'ended in the middle of stopping, which took too long')
      leave(1)
    }, endsAt - now())
    stop(how).then(
      () => leave(failed ? 1 : 0),
      (error) => {
        log.error({ err: error }, 'ended without having stopped in order')
        leave(1)
      },
    )
  }

  for (const signal of signals)
    own.on(signal, () => {
      if (signalledAt === undefined) {
        signalledAt = now()
        log.info({}, `stopping on ${signal}`)
        end({ atOnce: false })
      } else if (now() - signalledAt > sameWishMs) {
        log.warn({}, `ended at once by a second signal, ${signal}`)
        leave(1)
      }
    })

  // Rejections that nobody handles come here too.
  own.on('uncaughtException', (error) => {
    // What follows the first is of its making, or of the end's.
    if (failed) return
    failed = true
    log.error({ err: error }, 'stopping after an error that nobody caught')
    end({ atOnce: true })
  })
}
