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
import type { Config } from '../config.ts'
import { failure, messageOf } from '../errors.ts'
import { findModel, type ModelFacts } from '../model/facts.ts'
import { ModelProblem } from '../model/gguf.ts'
import { modelFilesFingerprint } from '../model/locate.ts'
import type { ModelSettings } from '../model/settings.ts'
import { diesWithUs, engineProgram, isExecutable, startEngine } from './child.ts'
import type { EngineClient } from './client.ts'
import { batchSize } from './command.ts'
import type { AttemptEnd } from './diagnosis.ts'
import type { Log } from './log.ts'
import { memoryNeed, memoryShortage, readResources } from './resources.ts'
import { runEngine } from './run.ts'
import { createStatus, type EngineStatus } from './status.ts'
import { backoff, pause, type Timings, timings } from './timings.ts'
import type { ChatBody, ChatEvent } from './wire.ts'

export type Engine = {
  status(): EngineStatus
  /** Throws `engine_loading` or `engine_failed` unless the engine is ready now. */
  requireReady(): void
  /** Waits through loading and restarts. Throws `engine_failed`, or the signal's reason. */
  ready(signal: AbortSignal): Promise<void>
  chat(body: ChatBody, signal: AbortSignal, onSettled: () => void): AsyncGenerator<ChatEvent>
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

  async function supervise(): Promise<void> {
    let crashes = 0
    while (!stopping.signal.aborted) {
      const fingerprint = await modelFilesFingerprint(settings)
      const began = performance.now()
      const { sentence, retry } = await attempt().catch((error): AttemptEnd => {
        log.error({ err: error }, 'engine attempt failed')
        return { sentence: messageOf(error), retry: 'backoff' }
      })
      if (stopping.signal.aborted) return
      if (retry === 'when files change') {
        status.enter('failed', sentence)
        await filesChange(fingerprint)
        crashes = 0
        continue
      }
      crashes = performance.now() - began > times.steady ? 1 : crashes + 1
      const givenUp = retry === 'slowly' || crashes >= times.crashLimit
      const waitMs = givenUp ? times.slowRetry : backoff(times, crashes)
      const again = `${sentence}. Trying again in ${Math.ceil(waitMs / 1000)} s`
      const restarts = status.now().restarts + (retry === 'backoff' ? 1 : 0)
      status.enter(givenUp ? 'failed' : 'starting', again, { restarts })
      await rest(waitMs)
    }
  }

  /** One run of the engine from the look at the files to the end of the process. */
  async function attempt(): Promise<AttemptEnd> {
    if (status.now().state !== 'starting') status.enter('starting', 'the engine is starting')
    if (!isExecutable(program)) {
      const sentence = `The engine ${program} is missing or not executable; run the set-up or set ENGINE_PATH`
      return { sentence, retry: 'when files change' }
    }
    let model: ModelFacts
    try {
      model = await findModel(settings)
    } catch (error) {
      if (!(error instanceof ModelProblem)) throw error
      return { sentence: error.message, retry: 'when files change' }
    }
    const resources = await readResources()
    const shortage = memoryShortage(memoryNeed(model, settings, batchSize(model)), resources)
    if (shortage && config.MEMORY_CHECK === 'on') return { sentence: shortage, retry: 'slowly' }
    if (shortage) log.warn({}, shortage)
    return await run(model, config.THREADS || resources.threads)
  }

  async function run(model: ModelFacts, threads: number): Promise<AttemptEnd> {
    try {
      return await runEngine({
        ...{ program, startProcess, settings, model, threads, times, log },
        visionCheck: config.VISION_CHECK,
        stopping: stopping.signal,
        onLoading: (started, pid) => {
          client = started
          status.enter('loading', `the model ${settings.name} is loading`, { model, threads, pid })
        },
        onReady: () => status.enter('ready'),
      })
    } finally {
      client = undefined
      status.processEnded()
    }
  }

  async function filesChange(before: string): Promise<void> {
    while (!stopping.signal.aborted) {
      await rest(times.filesPoll)
      if ((await modelFilesFingerprint(settings)) !== before) return
    }
  }

  const rest = (milliseconds: number) => pause(milliseconds, stopping.signal)

  if (!diesWithUs)
    log.warn({}, 'setpriv (util-linux) is missing: killing the service may leave the engine running')
  const loop = supervise()

  return {
    status: status.now,
    ready: status.ready,
    requireReady: status.requireReady,
    chat(body, signal, onSettled) {
      if (client) return client.chat(body, signal, onSettled)
      onSettled()
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
