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
import { EventEmitter, once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { failure, messageOf } from '../errors.ts'
import { findModel, type ModelFacts } from '../model/facts.ts'
import { ModelProblem } from '../model/gguf.ts'
import { modelFilesFingerprint } from '../model/locate.ts'
import type { ModelSettings } from '../model/settings.ts'
import { diesWithUs, engineProgram, isExecutable, startEngine } from './child.ts'
import { type ChatBody, type ChatEvent, createEngineClient, type EngineClient } from './client.ts'
import { batchSize, engineCommand } from './command.ts'
import { diagnose, warningIn } from './diagnosis.ts'
import { makeEngineFolder, socketName } from './folder.ts'
import { memoryNeed, memoryShortage, readResources } from './resources.ts'
import type { EngineState, EngineStatus } from './status.ts'
import { type Blindness, provesItSees } from './vision-check.ts'

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

export type Log = Record<'debug' | 'info' | 'warn' | 'error', (facts: object, message: string) => void>

/** Milliseconds, but for `misses` and `crashLimit`. Only tests use others. */
export const timings = {
  healthPoll: 50,
  filesPoll: 2000,
  backoffFirst: 1000,
  backoffMost: 60_000,
  /** A run of this length starts the back-off anew. */
  steady: 300_000,
  /** Crashes in a row after which the state says failed, while tries go on. */
  crashLimit: 5,
  slowRetry: 60_000,
  /** The engine's slots answer within milliseconds even during a picture: silence means it is wedged. */
  watch: 5000,
  misses: 3,
  loadLimit: 1_800_000,
  /** How long after a fault its cause, the end of the process, may show. */
  lastWords: 250,
}

/** Why an attempt is over and what has to happen before the next. */
type AttemptEnd = { sentence: string; retry: 'backoff' | 'slowly' | 'when files change' }

const loadingRetrySeconds = 5
const failedRetrySeconds = 60

/** How the engine is run, whatever the model. */
export type EngineSettings = Pick<Config, 'ENGINE_PATH' | 'THREADS' | 'MEMORY_CHECK' | 'VISION_CHECK'>

export function superviseEngine(
  config: EngineSettings,
  settings: ModelSettings,
  log: Log,
  times = timings,
): Engine {
  const changes = new EventEmitter().setMaxListeners(0)
  const stopping = new AbortController()
  const program = engineProgram(config)
  let client: EngineClient | undefined
  let status: EngineStatus = {
    state: 'starting',
    reason: 'the engine is starting',
    since: new Date(),
    restarts: 0,
    model: undefined,
    threads: undefined,
    pid: undefined,
  }

  function enter(state: EngineState, reason?: string, facts: Partial<EngineStatus> = {}): void {
    if (status.state === 'stopping') return
    status = { ...status, ...facts, state, reason, since: new Date() }
    const level = state === 'failed' ? 'error' : 'info'
    log[level]({ state, restarts: status.restarts }, `engine ${state}${reason ? `: ${reason}` : ''}`)
    changes.emit('change')
  }

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
        enter('failed', sentence)
        await filesChange(fingerprint)
        crashes = 0
        continue
      }
      crashes = performance.now() - began > times.steady ? 1 : crashes + 1
      const givenUp = retry === 'slowly' || crashes >= times.crashLimit
      const waitMs = givenUp ? times.slowRetry : backoff(crashes)
      const again = `${sentence}. Trying again in ${Math.ceil(waitMs / 1000)} s`
      const restarts = status.restarts + (retry === 'backoff' ? 1 : 0)
      enter(givenUp ? 'failed' : 'starting', again, { restarts })
      await rest(waitMs)
    }
  }

  /** Doubles from crash to crash, a quarter up or down so that replicas do not start in step. */
  function backoff(crashes: number): number {
    const waitMs = Math.min(times.backoffMost, times.backoffFirst * 2 ** (crashes - 1))
    return waitMs * (0.75 + Math.random() / 2)
  }

  /** One run of the engine from the look at the files to the end of the process. */
  async function attempt(): Promise<AttemptEnd> {
    if (status.state !== 'starting') enter('starting', 'the engine is starting')
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
    return await runEngine(model, config.THREADS || resources.threads)
  }

  async function runEngine(model: ModelFacts, threads: number): Promise<AttemptEnd> {
    const folder = await makeEngineFolder()
    const socketPath = join(folder, socketName)
    const command = engineCommand(settings, model, { threads, socketPath, homePath: folder })
    log.debug({ program, arguments: command.arguments }, 'engine command')
    const child = startEngine(program, command, folder, (line) => {
      log.debug({ line }, 'engine')
      const warning = warningIn(line)
      if (warning) log.warn({}, warning)
    })
    const over = new AbortController()
    const onStop = () => child.stop()
    stopping.signal.addEventListener('abort', onStop, { once: true })
    if (stopping.signal.aborted) child.stop()
    client = createEngineClient(socketPath)
    try {
      const { path, mmprojPath, architecture, contextLength, description } = model
      log.info({ path, mmprojPath, architecture, contextLength, description, threads }, 'model found')
      enter('loading', `the model ${settings.name} is loading`, { model, threads, pid: child.pid })
      const ended = child.ended.then((end) => {
        over.abort()
        return diagnose(end)
      })
      const verdict = await Promise.race([ended, watch(client, model, over.signal)])
      if ('retry' in verdict) {
        // What looks like a fault of an engine that runs is often the first sign that it just died.
        const end = await Promise.race([ended, sleep(times.lastWords)])
        child.kill()
        await ended
        if (!end) return verdict
      }
      const { sentence, restartHelps } = await ended
      return { sentence, retry: restartHelps ? 'backoff' : 'when files change' }
    } finally {
      over.abort()
      stopping.signal.removeEventListener('abort', onStop)
      await client.close()
      client = undefined
      status = { ...status, pid: undefined }
      await rm(folder, { recursive: true, force: true })
    }
  }

  /** Brings a started engine to ready and keeps an eye on it. Resolves with what is wrong with it. */
  async function watch(engine: EngineClient, model: ModelFacts, over: AbortSignal): Promise<AttemptEnd> {
    const limit = performance.now() + times.loadLimit
    while (!over.aborted && (await engine.health().catch(() => 0)) !== 200) {
      if (performance.now() > limit) {
        return { sentence: 'The engine did not finish loading the model', retry: 'slowly' }
      }
      await pause(times.healthPoll, over)
    }
    const blindness = await proofOfSight(engine, model, over)
    if (blindness) {
      const { sentence, final } = blindness
      return { sentence, retry: final ? 'when files change' : 'backoff' }
    }
    if (!over.aborted) enter('ready')
    for (let misses = 0; misses < times.misses; ) {
      await pause(times.watch, over)
      misses = await engine.busySlots().then(
        () => 0,
        () => misses + 1,
      )
    }
    return { sentence: 'The engine stopped answering and was ended', retry: 'backoff' }
  }

  /** A machine that is busy while it starts may be slow to answer: only what stays wrong is told. */
  async function proofOfSight(
    engine: EngineClient,
    model: ModelFacts,
    over: AbortSignal,
  ): Promise<Blindness | undefined> {
    for (let tries = 1; ; tries += 1) {
      const blindness = await provesItSees(engine, config.VISION_CHECK, settings.name, model)
      if (!blindness || blindness.final || tries === times.misses || over.aborted) return blindness
      log.warn({ tries }, `${blindness.sentence}; asking again`)
      await pause(times.watch, over)
    }
  }

  async function filesChange(before: string): Promise<void> {
    while (!stopping.signal.aborted) {
      await rest(times.filesPoll)
      if ((await modelFilesFingerprint(settings)) !== before) return
    }
  }

  const rest = (milliseconds: number) => pause(milliseconds, stopping.signal)

  async function ready(signal: AbortSignal): Promise<void> {
    while (status.state !== 'ready') {
      if (status.state === 'failed' || status.state === 'stopping') requireReady()
      await once(changes, 'change', { signal }).catch(() => signal.throwIfAborted())
    }
  }

  function requireReady(): void {
    const { state, reason = '' } = status
    if (state === 'ready') return
    if (state === 'stopping') throw failure('shutting_down', {}, { retryAfterSeconds: loadingRetrySeconds })
    if (state === 'failed')
      throw failure('engine_failed', { reason }, { retryAfterSeconds: failedRetrySeconds })
    throw failure('engine_loading', { reason }, { retryAfterSeconds: loadingRetrySeconds })
  }

  if (!diesWithUs)
    log.warn({}, 'setpriv (util-linux) is missing: killing the service may leave the engine running')
  const loop = supervise()

  return {
    status: () => status,
    ready,
    requireReady,
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
      enter('stopping')
      stopping.abort()
      await loop
    },
  }
}

/** A pause that an abort ends early, without an error. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => {})
