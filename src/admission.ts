/**
 * The waiting room in front of the engine's slots. Nothing waits inside the engine: its own queue is unbounded and
 * keeps every waiter's decoded picture in memory. `enter()` refuses at once when the room is full; `slot()` waits in
 * the order of its calls, is abortable and bounded; `leave()` gives back whatever was taken and may be called twice.
 */
import { failure } from './errors.ts'
import { movingAverage } from './moving-average.ts'

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
   * `queue_timeout` or with the signal's reason. Once given, the slot is kept until `leave()`, whatever the signal
   * says: the engine may be busy with a request for long after its caller has gone.
   */
  slot(signal: AbortSignal, onMove?: (ahead: number) => void): Promise<void>
  leave(): void
}

export type Admission = ReturnType<typeof createAdmission>

/** One place in the line of those who wait for a slot. */
type Place = { move(ahead: number): void; take(): void }

/** Until the first request has shown how long one takes, a caller is told to come back after this many seconds. */
const firstGuessSeconds = 5

export function createAdmission(limits: AdmissionLimits) {
  const serviceSeconds = movingAverage()
  const line: Place[] = []
  const emptied = new Set<() => void>()
  let inside = 0
  let free = limits.slots

  /** Requests that have to end before one more would get a slot. */
  const ahead = (): number => Math.max(0, inside - limits.slots + 1)

  const secondsFor = (requests: number): number =>
    ((serviceSeconds.value ?? firstGuessSeconds) * requests) / limits.slots

  /** Seconds until one more request would get a slot, from what requests really took. */
  const waitSeconds = (): number => secondsFor(ahead())
  /** The same for a caller who is sent away: never at once. */
  const retryAfterSeconds = (): number => secondsFor(Math.max(1, ahead()))

  /** Takes the place out of the line, if it is there, and tells those behind it that they moved. */
  function leaveLine(place: Place): void {
    const index = line.indexOf(place)
    if (index === -1) return
    line.splice(index, 1)
    line.slice(index).forEach((behind, later) => {
      behind.move(index + later + 1)
    })
  }

  function giveBack(takenAt: number): void {
    serviceSeconds.add((performance.now() - takenAt) / 1000)
    free += 1
    line[0]?.take()
  }

  /** Resolves with a slot taken. */
  function turn(signal: AbortSignal, onMove: (ahead: number) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abandon)
        leaveLine(place)
      }
      const abandon = () => {
        leave()
        reject(signal.reason)
      }
      const expire = () => {
        leave()
        const facts = { limit: limits.waitSeconds }
        reject(failure('queue_timeout', facts, { retryAfterSeconds: retryAfterSeconds() }))
      }
      const place: Place = {
        move: onMove,
        take: () => {
          free -= 1
          leave()
          resolve()
        },
      }
      const timer = setTimeout(expire, limits.waitSeconds * 1000)
      signal.addEventListener('abort', abandon, { once: true })
      if (free > 0) place.take()
      else onMove(line.push(place))
    })
  }

  function enter(): Ticket {
    const waiting = inside - limits.slots
    if (waiting >= limits.waiting) {
      const facts = { limit: limits.waiting, actual: waiting }
      throw failure('queue_full', facts, { retryAfterSeconds: retryAfterSeconds() })
    }
    const aheadThen = ahead()
    inside += 1
    let takenAt: number | undefined
    let left = false
    return {
      ahead: aheadThen,
      async slot(signal, onMove = () => {}) {
        signal.throwIfAborted()
        await turn(signal, onMove)
        takenAt = performance.now()
      },
      leave() {
        if (left) return
        left = true
        inside -= 1
        if (takenAt !== undefined) giveBack(takenAt)
        if (inside === 0) for (const tell of emptied) tell()
      },
    }
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
