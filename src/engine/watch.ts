/** Brings an engine that was started to ready, and keeps an eye on it from then on. */
import type { Config } from '../config.ts'
import type { ModelFacts } from '../model/facts.ts'
import type { EngineClient } from './client.ts'
import type { AttemptEnd } from './diagnosis.ts'
import type { Log } from './log.ts'
import { pause, type Timings } from './timings.ts'
import { type Blindness, provesItSees } from './vision-check.ts'

export type Watched = {
  engine: Pick<EngineClient, 'health' | 'properties' | 'busySlots' | 'chat'>
  /** The name that it must serve its model under. */
  name: string
  model: ModelFacts
  visionCheck: Config['VISION_CHECK']
  times: Timings
  log: Log
  onReady: () => void
}

/** Resolves with what is wrong with the engine, soon after `over` at the latest. */
export async function watch(watched: Watched, over: AbortSignal): Promise<AttemptEnd> {
  return (await loading(watched, over)) ?? (await blindness(watched, over)) ?? (await wedged(watched, over))
}

/** Resolves once the model is loaded. */
async function loading({ engine, times }: Watched, over: AbortSignal): Promise<AttemptEnd | undefined> {
  const limit = performance.now() + times.loadLimit
  while (!over.aborted && (await engine.health().catch(() => 0)) !== 200) {
    if (performance.now() > limit) {
      return { sentence: 'The engine did not finish loading the model', retry: 'slowly' }
    }
    await pause(times.healthPoll, over)
  }
  return undefined
}

async function blindness(watched: Watched, over: AbortSignal): Promise<AttemptEnd | undefined> {
  const found = await proofOfSight(watched, over)
  return found && { sentence: found.sentence, retry: found.final ? 'when files change' : 'backoff' }
}

/** A machine that is busy while it starts may be slow to answer: only what stays wrong is told. */
async function proofOfSight(watched: Watched, over: AbortSignal): Promise<Blindness | undefined> {
  const { engine, visionCheck, name, model, times, log } = watched
  for (let tries = 1; ; tries += 1) {
    const found = await provesItSees(engine, visionCheck, name, model)
    if (!found || found.final || tries === times.misses || over.aborted) return found
    log.warn({ tries }, `${found.sentence}; asking again`)
    await pause(times.watch, over)
  }
}

async function wedged({ engine, times, onReady }: Watched, over: AbortSignal): Promise<AttemptEnd> {
  if (!over.aborted) onReady()
  for (let misses = 0; misses < times.misses; ) {
    await pause(times.watch, over)
    misses = await engine.busySlots().then(
      () => 0,
      () => misses + 1,
    )
  }
  return { sentence: 'The engine stopped answering and was ended', retry: 'backoff' }
}
