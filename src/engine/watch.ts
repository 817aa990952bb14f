/**
 * Brings an engine that was started to ready, and keeps an eye on it from then on. What it does is judged by the work
 * that the kernel counts, not by the clock alone: a large model, a large picture and a busy machine take their time.
 */
import type { Config } from '../config.ts'
import type { ModelFacts } from '../model/facts.ts'
import type { EngineClient } from './client.ts'
import type { AttemptEnd } from './diagnosis.ts'
import type { Log } from './log.ts'
import { type Pulse, watchWork } from './pulse.ts'
import { stuckOnRequest } from './stuck.ts'
import { pause, type Timings } from './timings.ts'
import { looksAtStart, provesItIsComplete, provesItSees } from './vision-check.ts'

export type Watched = {
  engine: Pick<EngineClient, 'health' | 'properties' | 'busySlots' | 'firstTokens' | 'conduct'>
  /** The name that it must serve its model under. */
  name: string
  model: ModelFacts
  visionCheck: Config['VISION_CHECK']
  /** Threads that it computes with. */
  threads: number
  /** Of its process. */
  pulse: Pulse
  times: Timings
  log: Log
  onReady: () => void
}

/** Resolves with what is wrong with the engine, soon after `over` at the latest. */
export async function watch(watched: Watched, over: AbortSignal): Promise<AttemptEnd> {
  return (
    (await loading(watched, over)) ?? (await blindness(watched, over)) ?? (await misconduct(watched, over))
  )
}

/** Resolves once the model is loaded, or with a fault when it neither computes nor reads any more. */
async function loading(
  { engine, pulse, times }: Watched,
  over: AbortSignal,
): Promise<AttemptEnd | undefined> {
  const work = watchWork(pulse)
  let look = 0
  while (!over.aborted && (await engine.health().catch(() => 0)) !== 200) {
    if (performance.now() > look) {
      if ((await work.idleMs()) > times.loadStall)
        return { sentence: 'The engine stopped while it loaded the model and was ended', retry: 'backoff' }
      look = performance.now() + times.watch
    }
    await pause(times.healthPoll, over)
  }
  return undefined
}

async function blindness(watched: Watched, over: AbortSignal): Promise<AttemptEnd | undefined> {
  const { engine, visionCheck, name, model } = watched
  return (
    (await untilSure(watched, over, () => provesItIsComplete(engine, name))) ??
    (looksAtStart(visionCheck, model)
      ? await untilSure(watched, over, () => proofOfSight(watched, over))
      : undefined)
  )
}

/** A machine that is busy while it starts may be slow to answer: only what stays wrong is told. */
async function untilSure(
  { times, log }: Watched,
  over: AbortSignal,
  look: () => Promise<AttemptEnd | undefined>,
): Promise<AttemptEnd | undefined> {
  for (let tries = 1; ; tries += 1) {
    const found = await look()
    if (!found || found.retry === 'when files change' || tries === checkTries || over.aborted) return found
    log.warn({ tries }, `${found.sentence}; asking again`)
    await pause(times.watch * tries, over)
  }
}

const checkTries = 3

/** Ends early when the engine stops working on it. */
async function proofOfSight(
  { engine, pulse, times }: Watched,
  over: AbortSignal,
): Promise<AttemptEnd | undefined> {
  const stop = new AbortController()
  const signal = AbortSignal.any([over, stop.signal, AbortSignal.timeout(times.pictureLimit)])
  const done = new AbortController()
  const work = watchWork(pulse)
  const guard = async () => {
    while (!done.signal.aborted) {
      await pause(times.watch, done.signal)
      if ((await work.idleMs()) > times.loadStall) return stop.abort(new Error('it stopped working on it'))
    }
  }
  const guarding = guard()
  try {
    return await provesItSees(engine, signal)
  } finally {
    done.abort()
    await guarding
  }
}

/** Keeps looking at an engine that is ready. Resolves when it has to be ended. */
async function misconduct(watched: Watched, over: AbortSignal): Promise<AttemptEnd> {
  const { engine, times, pulse, onReady } = watched
  if (!over.aborted) onReady()
  const work = watchWork(pulse)
  const isStuck = stuckOnRequest(watched)
  for (let misses = 0; !over.aborted; ) {
    await pause(times.watch, over)
    const idleMs = await work.idleMs()
    misses = await engine.busySlots(times.watch).then(
      () => 0,
      () => misses + 1,
    )
    if (misses >= (idleMs > 0 ? times.misses : times.busyMisses))
      return { sentence: 'The engine stopped answering and was ended', retry: 'backoff' }
    const stuck = await isStuck(idleMs)
    if (stuck) return { sentence: stuck, retry: 'backoff' }
    const blind = await failingWithoutSight(watched, over)
    if (blind) return { sentence: blind, retry: 'backoff' }
  }
  return { sentence: 'The engine is not watched any more', retry: 'backoff' }
}

/** After failures in a row it has to show again that it sees. */
async function failingWithoutSight(watched: Watched, over: AbortSignal): Promise<string | undefined> {
  const { engine, times, log } = watched
  if (engine.conduct.failures < times.failureLimit) return undefined
  log.warn({ failures: engine.conduct.failures }, 'the engine fails again and again; showing it a picture')
  const found = await proofOfSight(watched, over)
  if (found) return `The engine failed ${engine.conduct.failures} times in a row. ${found.sentence}`
  engine.conduct.forgive()
  return undefined
}
