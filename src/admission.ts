/**
 * The waiting room in front of the engine's slots. Nothing waits inside the engine: its own queue is unbounded and
 * keeps every waiter's decoded picture in memory. `enter()` refuses at once when the room is full, or when a slot is so
 * far off that nobody would wait for it; who is inside waits for as long as its own signal lets it; `leave()` gives back
 * whatever was taken and may be called twice.
 *
 * Callers take turns: in each round everybody who waits has one request, so that a hundred of one hold up another's by
 * one. Nor does who fills the room lock out others: a caller with less than an equal share of it may still enter, until
 * as many places again are taken.
 */
import { failure } from './errors.ts'
import { expectedStarts } from './expected-starts.ts'
import { hundredths } from './hundredths.ts'
import { movingAverage } from './moving-average.ts'

export type AdmissionLimits = {
  /** Requests the engine works on at once. */
  slots: number
  /** Requests that may be inside without a slot; as many again of callers with less than their share. */
  waiting: number
  /** Longest wait, by what is to be expected when a request comes, in seconds. */
  waitSeconds: number
}

/** Requests that have to end before one gets a slot, and seconds until then; null until one was answered. */
export type Wait = { ahead: number; seconds: number | null }

export type Ticket = {
  /** As it looked when this one came. */
  wait: Wait
  /** How long it will keep its slot, once its pictures are known. Until then it counts as one like those before it. */
  expect(seconds: number): void
  /**
   * Waits for a slot; `onMove` hears each change of the wait. Rejects with the signal's reason. Once given, the slot is
   * kept until it is given back, whatever the signal says: the engine may be busy with a request for long after its
   * caller has gone.
   */
  slot(signal: AbortSignal, onMove?: (wait: Wait) => void): Promise<void>
  /** For who has still to be answered, but not by the engine. */
  giveSlotBack(): void
  leave(): void
}

export type Admission = ReturnType<typeof createAdmission>

/** A request without a slot. Whoever still prepares its pictures keeps its place, and is passed over while it does. */
type Place = {
  caller: string
  round: number
  /** That it will keep its slot for. */
  seconds?: number
  /** Set once it waits for nothing else. */
  wants?: { move(wait: Wait): void; take(): void }
}

type Running = { since: number; seconds: number | undefined }

/** Until the first request has shown how long one takes, a caller is told to come back after this many seconds. */
const firstGuessSeconds = 5

/** Of what a request has taken: what it is thought to take yet, once it has taken longer than was expected. */
const overdueShare = 0.1

export function createAdmission(limits: AdmissionLimits) {
  const serviceSeconds = movingAverage()
  /** By their rounds, and within a round as they came. */
  const room: Place[] = []
  /** How many requests of each caller are inside. */
  const callers = new Map<string, number>()
  const emptied = new Set<() => void>()
  const running = new Set<Running>()
  let inside = 0
  let free = limits.slots
  /** The latest from which a slot was given. */
  let round = 0

  /** Where the next request of a caller would stand: after its own, and one of everybody else for each of them. */
  function nextPlace(caller: string): { index: number; round: number } {
    const last = room.findLast((place) => place.caller === caller)
    // A place that was passed over for long lends nothing to those behind it.
    const next = Math.max(round, last?.round ?? 0) + 1
    return { index: room.findLastIndex((place) => place.round <= next) + 1, round: next }
  }

  /** Requests that have to end before whoever stands there gets a slot. */
  const aheadAt = (index: number): number => Math.max(0, index + 1 - free)

  /** Seconds until the first `count` of the room, and one more behind them, get their slots. */
  function secondsUntil(count: number): number[] {
    const usual = serviceSeconds.value ?? firstGuessSeconds
    const left = Array.from(running, ({ since, seconds = usual }) => {
      const taken = (performance.now() - since) / 1000
      return Math.max(seconds - taken, taken * overdueShare)
    })
    const line = room.slice(0, count).map(({ seconds = usual }) => seconds)
    return expectedStarts(limits.slots, left, line)
  }

  function waitAt(index: number, seconds = secondsUntil(index).at(-1)): Wait {
    const ahead = aheadAt(index)
    if (ahead === 0) return { ahead, seconds: 0 }
    return { ahead, seconds: serviceSeconds.value === undefined ? null : hundredths(seconds ?? 0) }
  }

  /** Seconds until one more request of a caller would get a slot. */
  const waitSeconds = (caller: string): number => {
    const { index } = nextPlace(caller)
    return aheadAt(index) === 0 ? 0 : (secondsUntil(index).at(-1) ?? 0)
  }
  /** The same for a caller who is sent away: never at once. */
  const retryAfterSeconds = (caller: string): number =>
    waitSeconds(caller) || (serviceSeconds.value ?? firstGuessSeconds) / limits.slots

  /** Tells those who wait from there on that they moved. */
  function tellFrom(start: number): void {
    if (start >= room.length) return
    const starts = secondsUntil(room.length)
    for (let index = start; index < room.length; index += 1)
      room[index]?.wants?.move(waitAt(index, starts[index]))
  }

  function removeFromRoom(place: Place): void {
    const index = room.indexOf(place)
    if (index === -1) return
    room.splice(index, 1)
    tellFrom(index)
  }

  function giveBack(request: Running): void {
    running.delete(request)
    serviceSeconds.add((performance.now() - request.since) / 1000)
    free += 1
    room.find(({ wants }) => wants)?.wants?.take()
  }

  /** Resolves with a slot taken. */
  function turn(place: Place, signal: AbortSignal, onMove: (wait: Wait) => void): Promise<Running> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        signal.removeEventListener('abort', abandon)
        removeFromRoom(place)
      }
      const abandon = () => {
        leave()
        reject(signal.reason)
      }
      const take = () => {
        const request = { since: performance.now(), seconds: place.seconds }
        running.add(request)
        free -= 1
        round = Math.max(round, place.round)
        leave()
        resolve(request)
      }
      signal.addEventListener('abort', abandon, { once: true })
      if (free > 0) return take()
      place.wants = { move: onMove, take }
      onMove(waitAt(room.indexOf(place)))
    })
  }

  /**
   * Where one more request of a caller would stand, and how long it would wait there. Throws `queue_full` unless there is
   * room for everybody, or for one with less than an equal share of it, and `queue_timeout` where the wait would be too
   * long.
   */
  function roomFor(caller: string): { index: number; round: number; wait: Wait } {
    requirePlace(caller)
    const next = nextPlace(caller)
    const wait = waitAt(next.index)
    // A guess is no reason to send anybody away.
    const seconds = wait.seconds ?? 0
    if (seconds <= limits.waitSeconds) return { ...next, wait }
    const facts = { limit: limits.waitSeconds, actual: Math.ceil(seconds) }
    throw failure('queue_timeout', facts, { retryAfterSeconds: seconds - limits.waitSeconds })
  }

  function requirePlace(caller: string): void {
    const places = limits.slots + limits.waiting
    if (inside < places) return
    const own = callers.get(caller) ?? 0
    const share = places / (own === 0 ? callers.size + 1 : callers.size)
    if (own + 1 <= share && inside < places + limits.waiting) return
    const facts = { limit: limits.waiting, actual: inside - limits.slots }
    throw failure('queue_full', facts, { retryAfterSeconds: retryAfterSeconds(caller) })
  }

  /** `caller` is whoever takes turns with others. */
  function enter(caller: string): Ticket {
    const { index, round, wait } = roomFor(caller)
    const place: Place = { caller, round }
    room.splice(index, 0, place)
    tellFrom(index + 1)
    inside += 1
    callers.set(caller, (callers.get(caller) ?? 0) + 1)
    let request: Running | undefined
    let left = false
    const giveSlotBack = () => {
      if (request) giveBack(request)
      request = undefined
    }
    return {
      wait,
      giveSlotBack,
      expect(seconds) {
        place.seconds = seconds
        if (room.includes(place)) tellFrom(room.indexOf(place) + 1)
      },
      async slot(signal, onMove = () => {}) {
        signal.throwIfAborted()
        request = await turn(place, signal, onMove)
      },
      leave() {
        if (left) return
        left = true
        inside -= 1
        const others = (callers.get(caller) ?? 0) - 1
        if (others === 0) callers.delete(caller)
        else callers.set(caller, others)
        removeFromRoom(place)
        giveSlotBack()
        if (inside === 0) for (const tell of emptied) tell()
      },
    }
  }

  /** Resolves once nobody is inside, or when the signal fires, whichever comes first. */
  async function idle(signal: AbortSignal): Promise<void> {
    if (inside === 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const finish = () => {
        signal.removeEventListener('abort', finish)
        emptied.delete(finish)
        resolve()
      }
      signal.addEventListener('abort', finish, { once: true })
      emptied.add(finish)
    })
  }

  return {
    enter,
    /** Throws as `enter` would. */
    requireRoom: (caller: string): void => void roomFor(caller),
    idle,
    waitSeconds,
    retryAfterSeconds,
    /** How many requests are inside, those with a slot included. */
    get inside() {
      return inside
    },
  }
}
