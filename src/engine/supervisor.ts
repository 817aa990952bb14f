/**
 * Keeps one engine running. A single loop owns the state and is its only writer:
 *
 *   starting  looking at files and memory, or waiting to start again after a crash
 *   loading   the process runs and reads the model
 *   ready     the engine has proved that it sees
 *   failed    it cannot run: waits for the files to change, or tries again once a minute
 *   stopping  for good
 *
 * Others ask `ready()` or read `status()`; they never decide from the state what the loop should do.
 */
import { stat } from 'node:fs/promises'
import type { Config } from '../config.ts'
import { failure, messageOf } from '../errors.ts'
import { findModel, type ModelFacts } from '../model/facts.ts'
import { modelFilesFingerprint } from '../model/locate.ts'
import { ModelProblem } from '../model/model-problem.ts'
import type { ModelSettings } from '../model/settings.ts'
import { engineIsMissing, engineProgram, isExecutable, startEngine } from './child.ts'
import type { EngineClient } from './client.ts'
import type { Settled } from './conduct.ts'
import { startWith } from './context.ts'
import type { AttemptEnd } from './diagnosis.ts'
import type { Log } from './log.ts'
import { readResources } from './resources.ts'
import { runEngine } from './run.ts'
import { createStatus, type EngineStatus } from './status.ts'
import { backoff, pause, type Timings, timings } from './timings.ts'
import type { ChatBody, ChatEvent } from './wire.ts'

export type Engine = {
  status(): EngineStatus
  /** Throws `engine_loading` or `engine_failed` unless the engine is ready, or was and comes back. */
  requireReady(): void
  /** Waits through loading and restarts. Throws `engine_failed`, or the signal's reason. */
  ready(signal: AbortSignal): Promise<void>
  /** `expectedMs` is how long it may say nothing, by what it took before. */
  chat(
    body: ChatBody,
    signal: AbortSignal,
    onSettled: (settled: Settled) => void,
    expectedMs?: number,
  ): AsyncGenerator<ChatEvent>
  /** Tokens that the prompt of such a chat has, pictures included. */
  countTokens(body: ChatBody, signal: AbortSignal): Promise<number>
  /** Ends the engine and the loop; resolves when the process is gone. May be called twice. */
  stop(): Promise<void>
}

/** How the engine is run, whatever the model. */
export type EngineSettings = Pick<Config, 'ENGINE_PATH' | 'THREADS' | 'MEMORY_CHECK' | 'VISION_CHECK'>

/** What only tests replace. */
export type Surroundings = { times?: Timings; startProcess?: typeof startEngine }

export function superviseEngine(
  config: EngineSettings,
  settings: ModelSettings,
  log: Log,
  { times = timings, startProcess = startEngine }: Surroundings = {},
): Engine {
  const stopping = new AbortController()
  const program = engineProgram(config)
  const status = createStatus(log)
  let client: EngineClient | undefined

  /** Ends in a row without an answer in between, and among them those before it was ready, for no known reason. */
  const inARow = { crashes: 0, stillborn: 0 }
  const forgive = () => Object.assign(inARow, { crashes: 0, stillborn: 0 })

  async function supervise(): Promise<void> {
    while (!stopping.signal.aborted) {
      const fingerprint = await fingerprintNow()
      const end = await attempt().catch((error): AttemptEnd => {
        log.error({ err: error }, 'engine attempt failed')
        return { sentence: messageOf(error), retry: 'backoff' }
      })
      if (isLasting(end)) {
        status.enter('failed', end.sentence)
        await filesChange(fingerprint)
        forgive()
      } else await startAgain(end)
    }
  }

  function isLasting({ retry }: AttemptEnd): boolean {
    inARow.stillborn = retry === 'perhaps' ? inARow.stillborn + 1 : 0
    return retry === 'when files change' || inARow.stillborn >= times.stillbornLimit
  }

  async function startAgain({ sentence, retry }: AttemptEnd): Promise<void> {
    // Whoever sends what ends it must not make everybody else wait longer each time.
    if (retry !== 'soon') inARow.crashes += 1
    const givenUp = retry === 'slowly' || inARow.crashes >= times.crashLimit
    const waitMs = givenUp ? times.slowRetry : backoff(times, retry === 'soon' ? 1 : inARow.crashes)
    const again = `${sentence}. Trying again in ${Math.ceil(waitMs / 1000)} s`
    const restarts = status.now().restarts + (retry === 'slowly' ? 0 : 1)
    status.enter(givenUp ? 'failed' : 'starting', again, { restarts })
    await rest(waitMs)
  }

  /** One run of the engine from the look at the files to the end of the process. */
  async function attempt(): Promise<AttemptEnd> {
    if (status.now().state !== 'starting') status.enter('starting', 'the engine is starting')
    if (!isExecutable(program)) {
      return { sentence: engineIsMissing(config), retry: 'when files change' }
    }
    let model: ModelFacts
    try {
      model = await findModel(settings)
    } catch (error) {
      if (!(error instanceof ModelProblem)) throw error
      return { sentence: error.message, retry: 'when files change' }
    }
    const resources = await readResources()
    const start = startWith(settings, model, resources)
    const { missed, shortage } = start
    if (shortage && config.MEMORY_CHECK === 'on') return { sentence: shortage, retry: 'slowly' }
    if (shortage) log.warn({}, shortage)
    if (missed)
      log.warn({}, `There is no memory for a context of ${missed} tokens; large pictures are made smaller`)
    return await run(model, start.settings, config.THREADS || resources.threads)
  }

  async function run(model: ModelFacts, set: ModelSettings, threads: number): Promise<AttemptEnd> {
    const { contextTokens } = set
    try {
      return await runEngine({
        ...{ program, startProcess, settings: set, model, threads, times, log },
        visionCheck: config.VISION_CHECK,
        stopping: stopping.signal,
        onLoading: (started, pid) => {
          client = started
          const facts = { model, contextTokens, threads, pid }
          status.enter('loading', `the model ${settings.name} is loading`, facts)
        },
        onReady: () => status.enter('ready'),
        onAnswered: forgive,
        onLost: () => status.enter('starting', 'the engine broke off its work and starts again'),
      })
    } finally {
      client = undefined
      status.processEnded()
    }
  }

  async function filesChange(before: string): Promise<void> {
    while (!stopping.signal.aborted) {
      await rest(times.filesPoll)
      if ((await fingerprintNow()) !== before) return
    }
  }

  /** Of all that a start depends on: another engine may do better with the same files. */
  async function fingerprintNow(): Promise<string> {
    const engine = await stat(program).catch(() => undefined)
    return `${engine?.mtimeMs} ${engine?.size} ${await modelFilesFingerprint(settings)}`
  }

  const rest = (milliseconds: number) => pause(milliseconds, stopping.signal)

  const loop = supervise()

  return {
    status: status.now,
    ready: status.ready,
    requireReady: status.requireReady,
    chat(body, signal, onSettled, expectedMs) {
      if (client) return client.chat(body, signal, onSettled, expectedMs)
      onSettled('given up')
      throw failure('engine_crashed')
    },
    async countTokens(body, signal) {
      if (client) return client.countTokens(body, signal)
      throw failure('engine_crashed')
    },
    async stop() {
      status.enter('stopping')
      stopping.abort()
      await loop
    },
  }
}
