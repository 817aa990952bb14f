/** Services for rows: like test/support/service.ts, but they end with a function, since a row is no test. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { health, type RunningService, runService, type Start, untilHealthy } from '../support/service.ts'

/** Runs something with a service that is healthy; ends the service in any case. */
export const withService = <Result>(
  env: Record<string, string>,
  use: (service: RunningService) => Promise<Result>,
  start: Start = {},
): Promise<Result> =>
  withStarting(
    env,
    async (service) => {
      await untilHealthy(service.url)
      return use(service)
    },
    start,
  )

/** The same with one that has only begun. */
export async function withStarting<Result>(
  env: Record<string, string>,
  use: (service: RunningService) => Promise<Result>,
  start: Start = {},
): Promise<Result> {
  const ends: (() => Promise<void>)[] = []
  try {
    return await use(await runService({ teardown: (end) => void ends.push(end) }, env, start))
  } finally {
    for (const end of ends.reverse()) await end()
  }
}

/** A folder of one's own, gone afterwards. */
export async function withFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'proof-'))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Milliseconds until a condition is true; undefined when it is not within the limit. */
export async function timeUntil(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
  everyMs = 20,
): Promise<number | undefined> {
  const began = performance.now()
  while (performance.now() - began < limitMs) {
    if (await condition()) return performance.now() - began
    await sleep(everyMs)
  }
  return undefined
}

export const isHealthy = (url: string): Promise<boolean> =>
  health(url).then(
    ({ status }) => status === 200,
    () => false,
  )

/** Requests inside a service by its own figures, with a slot or without. */
export async function inside(url: string): Promise<number> {
  const figures = await (await fetch(`${url}/metrics`)).text()
  const figure = (name: string) => Number(new RegExp(`^llama_vision_${name} (\\d+)$`, 'm').exec(figures)?.[1])
  return figure('running_requests') + figure('waiting_requests')
}
