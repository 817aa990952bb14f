/**
 * The waiting room in front of the engine's slots. Nothing waits inside the engine: its own queue is unbounded and
 * keeps every waiter's decoded picture in memory. `enter()` refuses at once when the room is full; `slot()` waits,
 * is abortable and bounded; `leave()` gives back whatever was taken and may be called twice.
 */
import PQueue from 'p-queue'
import { failure } from './errors.ts'

export type AdmissionLimits = {
  /** Requests the engine works on at once. */
  slots: number
  /** Requests that may be inside without a slot. */
  waiting: number
  /** Longest wait for a slot, in seconds. */
  waitSeconds: number
}

export type Ticket = {
  /** Requests that had to end first when this one came. */
  ahead: number
  /**
   * Waits for a slot; `onMove` hears how many requests are still ahead, each time that changes. Rejects with
   * `queue_timeout` or with the signal's reason.
   */
  slot(signal: AbortSignal, onMove?: (ahead: number) => void): Promise<void>
  leave(): void
}

export type Admission = ReturnType<typeof createAdmission>

/** Until the first request has shown how long one takes, a caller is told to come back after this many seconds. */
const firstGuessSeconds = 5
/** Weight of the newest request in the moving average of service times. */
const newestWeight = 0.3

export function createAdmission(limits: AdmissionLimits) {
  const slots = new PQueue({ concurrency: limits.slots })
  let inside = 0
  let serviceSeconds: number | undefined
  /** Who waits for a slot, in order. */
  const line: ((ahead: number) => void)[] = []
  const emptied = new Set<() => void>()

  /** Requests that have to end before one more would get a slot. */
  const ahead = (): number => Math.max(0, inside - limits.slots + 1)

  const secondsFor = (requests: number): number =>
    ((serviceSeconds ?? firstGuessSeconds) * requests) / limits.slots

  /** Seconds until one more request would get a slot, from what requests really took. */
  const waitSeconds = (): number => secondsFor(ahead())
  /** The same for a caller who is sent away: never at once. */
  const retryAfterSeconds = (): number => secondsFor(Math.max(1, ahead()))

  function leaveLine(place: (ahead: number) => void): void {
    const index = line.indexOf(place)
    if (index === -1) return
    line.splice(index, 1)
    line.slice(index).forEach((move, later) => {
      move(index + later + 1)
    })
  }

  function enter(): Ticket {
    const waiting = inside - limits.slots
    if (waiting >= limits.waiting) {
      throw failure(
        'queue_full',
        { limit: limits.waiting, actual: waiting },
        { retryAfterSeconds: retryAfterSeconds() },
      )
    }
    const aheadThen = ahead()
    inside += 1
    let release: (() => void) | undefined
    let slotTakenAt = 0
    let left = false

    async function slot(signal: AbortSignal, onMove: (ahead: number) => void = () => {}): Promise<void> {
      // Covers the wait alone: p-queue would free a running job's slot when its signal fires, while the engine
      // may be busy with it for long after its caller has gone.
      const wait = new AbortController()
      const abandon = () => wait.abort(signal.reason)
      const expire = () =>
        wait.abort(
          failure('queue_timeout', { limit: limits.waitSeconds }, { retryAfterSeconds: retryAfterSeconds() }),
        )
      signal.throwIfAborted()
      signal.addEventListener('abort', abandon, { once: true })
      const timer = setTimeout(expire, limits.waitSeconds * 1000)
      const place = (ahead: number) => onMove(ahead)
      if (slots.pending >= limits.slots) place(line.push(place))
      try {
        await new Promise<void>((granted, refused) => {
          const occupy = () =>
            new Promise<void>((free) => {
              release = free
              slotTakenAt = performance.now()
              leaveLine(place)
              granted()
            })
          slots.add(occupy, { signal: wait.signal }).catch(refused)
        })
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', abandon)
        leaveLine(place)
      }
    }

    function leave(): void {
      if (left) return
      left = true
      inside -= 1
      if (release) {
        const took = (performance.now() - slotTakenAt) / 1000
        serviceSeconds =
          serviceSeconds === undefined ? took : serviceSeconds + newestWeight * (took - serviceSeconds)
        release()
      }
      if (inside === 0) for (const tell of emptied) tell()
    }

    return { ahead: aheadThen, slot, leave }
  }

  /** Resolves once nobody is inside, or after `milliseconds`, whichever comes first. */
  async function idle(milliseconds: number): Promise<void> {
    if (inside === 0) return
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer)
        emptied.delete(finish)
        resolve()
      }
      const timer = setTimeout(finish, milliseconds)
      emptied.add(finish)
    })
  }

  return {
    enter,
    idle,
    waitSeconds,
    retryAfterSeconds,
    /** How many requests are inside, those with a slot included. */
    get inside() {
      return inside
    },
  }
}
