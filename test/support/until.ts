import { setTimeout as sleep } from 'node:timers/promises'

/** Waits for a condition, but not for ever. `what` is what the test waited for. */
export async function until(condition: () => boolean, what: string, milliseconds = 60_000): Promise<void> {
  const limit = Date.now() + milliseconds
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`Waited in vain for ${what}`)
    await sleep(10)
  }
}
