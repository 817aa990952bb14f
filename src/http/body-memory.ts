/**
 * The memory that bodies of requests may take together, from their first byte to the end of the request: what was read
 * stays in memory as long as the request is worked on, and nobody has to finish a request that he began.
 */
import type { IncomingMessage } from 'node:http'
import { getHeapStatistics } from 'node:v8'

export type BodyMemory = ReturnType<typeof createBodyMemory>

/**
 * Bytes for the bodies of `places` requests, as many as may be inside at once; at least for one, and otherwise no more
 * than a quarter of the heap, because what was a body of one byte a letter may become a text of two, twice: as the body
 * and as a part of it. For its heap Node takes half of the container's memory limit, or of the machine's memory, and
 * 4 GiB at most (20, 22 and 24 do).
 */
export const bodyMemoryBytes = (
  maxBodyBytes: number,
  places: number,
  heapBytes = getHeapStatistics().heap_size_limit,
): number => Math.max(maxBodyBytes, Math.min(maxBodyBytes * places, Math.floor(heapBytes / 4)))

/** Who paused for so long while sending has to make room when there is none left, in milliseconds. */
const patienceMs = 2000

type Share = {
  bytes: number
  lastAt: number
  /** Ends the request. Undefined once its body is complete: then it is worked on. */
  giveWay: (() => void) | undefined
}

export function createBodyMemory(limit: number, now = () => performance.now()) {
  const shares = new Map<IncomingMessage, Share>()
  let free = limit

  /** Whether there is room for so many more bytes. Who paused longest makes room first. */
  function room(bytes: number): boolean {
    while (bytes > free) {
      const paused = [...shares]
        .filter(([, { giveWay, lastAt }]) => giveWay && now() - lastAt > patienceMs)
        .sort(([, one], [, other]) => one.lastAt - other.lastAt)[0]
      if (!paused) return false
      const [request, { giveWay }] = paused
      release(request)
      giveWay?.()
    }
    return true
  }

  /** Gives back all that the request has taken. May be called twice. */
  function release(request: IncomingMessage): void {
    free += shares.get(request)?.bytes ?? 0
    shares.delete(request)
  }

  return {
    limit,
    room,
    release,
    /** Whether there was room for so many more bytes of this request, which `giveWay` ends. */
    take(request: IncomingMessage, bytes: number, giveWay: () => void): boolean {
      const share = shares.get(request) ?? { bytes: 0, lastAt: 0, giveWay }
      share.lastAt = now()
      shares.set(request, share)
      if (!room(bytes)) return false
      free -= bytes
      share.bytes += bytes
      return true
    },
    /** The body is complete, so its request does not have to make room any more. */
    keep(request: IncomingMessage): void {
      const share = shares.get(request)
      if (share) share.giveWay = undefined
    },
  }
}
