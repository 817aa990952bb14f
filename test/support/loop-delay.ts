/** How long the event loop of a service under test is held up: JavaScript for it, and what that writes down. */
import { readFileSync } from 'node:fs'

/** The longest of each second, in milliseconds, a line each. */
export const loopDelayInto = (file: string): string => `
  import { appendFileSync } from 'node:fs'
  import { monitorEventLoopDelay } from 'node:perf_hooks'
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  setInterval(() => {
    appendFileSync(${JSON.stringify(file)}, delay.max / 1e6 + '\\n')
    delay.reset()
  }, 1000).unref()`

/** Oldest first; empty where nothing was written yet. */
export function loopDelays(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').map(Number)
  } catch {
    return []
  }
}
