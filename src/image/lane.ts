/**
 * How much is decoded at once, over all requests: pictures go side by side only as far as the memory that they need
 * together stays within the lane's room. What each one needs is for memory.ts to say.
 */

export type Lane = {
  /** Runs `work` when there is room, in the order of the calls. Rejects with the signal's reason if it fires before. */
  run<Result>(bytes: number, signal: AbortSignal, work: () => Promise<Result>): Promise<Result>
}

type Waiting = { bytes: number; start: () => void }

/** `room` in bytes; a picture that needs more has the lane to itself. */
export function createLane(room: number): Lane {
  const line: Waiting[] = []
  let taken = 0

  /** The first in line is never overtaken by smaller ones, or it might wait for ever. */
  function advance(): void {
    for (let first = line[0]; first && taken + first.bytes <= room; first = line[0]) {
      line.shift()
      taken += first.bytes
      first.start()
    }
  }

  function turn(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        line.splice(line.indexOf(waiting), 1)
        reject(signal.reason)
        // The next may fit where this one did not.
        advance()
      }
      const waiting: Waiting = {
        bytes,
        start: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      line.push(waiting)
      advance()
    })
  }

  return {
    async run(bytes, signal, work) {
      signal.throwIfAborted()
      const share = Math.min(bytes, room)
      await turn(share, signal)
      try {
        return await work()
      } finally {
        taken -= share
        advance()
      }
    },
  }
}
