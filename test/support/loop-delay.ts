/**
 * How long the event loop of a service under test is held up: JavaScript for it, and what that writes down. What it
 * waited for a processor is told apart: with two of them, who asks and what decodes pictures wants them as well.
 */
import { readFileSync } from 'node:fs'

/** Milliseconds: the longest moment by the clock, and the longest without what it waited for a processor in it. */
export type Held = { byClock: number; byItself: number }

/** The longest of each second, a line each. The kernel counts the nanoseconds that the main thread waited. */
export const loopDelayInto = (file: string): string => `
  import { appendFileSync, readFileSync } from 'node:fs'
  const waited = () => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6
  let last = performance.now(), lastWaited = waited(), byClock = 0, byItself = 0
  setInterval(() => {
    const now = performance.now(), nowWaited = waited(), held = now - last
    byClock = Math.max(byClock, held)
    byItself = Math.max(byItself, held - (nowWaited - lastWaited))
    last = now
    lastWaited = nowWaited
  }, 1).unref()
  setInterval(() => {
    appendFileSync(${JSON.stringify(file)}, JSON.stringify({ byClock, byItself }) + '\\n')
    byClock = byItself = 0
  }, 1000).unref()`

/** Oldest first; empty where nothing was written yet. */
export function loopDelays(file: string): Held[] {
  try {
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  } catch {
    return []
  }
}
