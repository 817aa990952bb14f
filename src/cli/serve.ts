/** Composition root: settings -> parts -> a listening service, and the way back. */
import { stat } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { type Admission, createAdmission } from '../admission.ts'
import { type App, buildApp } from '../app.ts'
import { type Config, ownVersion } from '../config.ts'
import type { ModelFile } from '../doors/door.ts'
import { confinement } from '../engine/confinement.ts'
import { toldSettings } from '../engine/context.ts'
import { cpuThrottling, readMemory, residentBytes } from '../engine/resources.ts'
import { engineStates } from '../engine/status.ts'
import { type Engine, superviseEngine } from '../engine/supervisor.ts'
import { failure } from '../errors.ts'
import { createImagePreparer } from '../image/prepare.ts'
import { createEstimates } from '../inference/estimates.ts'
import { createInference } from '../inference/infer.ts'
import { createJsonChecker } from '../inference/json-checker.ts'
import { createPoisonMemory } from '../inference/poison.ts'
import { createMetrics, type Snapshot } from '../metrics.ts'
import { modelSettings } from '../model/settings.ts'
import { parseAllowList } from '../net/addresses.ts'
import { createFetcher } from '../net/guarded-fetch.ts'
import { endInOrder } from './ending.ts'
import { createLog } from './log.ts'
import { listenFault, requirePort } from './port.ts'
import { misspeltSettings, serviceSettings } from './settings.ts'

export type Service = {
  app: App
  engine: Engine
  url: string
  /**
   * Takes no more requests, lets those under way finish within the grace period, ends the engine. `atOnce` answers them
   * 503 instead, and may be asked for while it already stops.
   */
  stop(how?: { atOnce: boolean }): Promise<void>
}

/** Time for the last answers to reach their clients. */
const answersLeaveMs = 1000

export async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  const config = serviceSettings(env)
  const log = createLog(config.LOG_LEVEL)
  for (const sentence of misspeltSettings(env)) log.warn({}, sentence)
  const starting = startService(config, log)
  const graceMs = config.SHUTDOWN_GRACE * 1000
  endInOrder({ log, graceMs, stop: async (how) => (await starting).stop(how) })
  await starting
}

/**
 * Starts the engine and listens. Rejects, with nothing left behind, when the port can't be had; a model that can't be is
 * told by `/health`.
 */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const imageHosts = parseAllowList('IMAGE_URL_ALLOW', config.IMAGE_URL_ALLOW)
  await requirePort(config)
  const shutdown = new AbortController()
  let draining = false
  void confinement().then(({ holds, sentence }) => {
    if (!holds) log.warn({}, sentence)
  })
  const model = modelSettings(config)
  const engine = superviseEngine(config, model, log)
  const admission = createAdmission({
    slots: config.SLOTS,
    waiting: config.QUEUE_SIZE,
    waitSeconds: config.QUEUE_TIMEOUT,
  })
  const metrics = createMetrics(engineStates, () => snapshot(engine, admission, config.SLOTS))
  const fetchImage = createFetcher({
    allow: imageHosts,
    accept: 'image/*',
    maxBytes: config.MAX_BODY_MIB * 1024 ** 2,
  })
  const inference = createInference({
    maxPromptLength: config.MAX_PROMPT_LENGTH,
    maxImages: config.MAX_IMAGES,
    maxTiles: config.MAX_TILES,
    imageMaxTokens: config.IMAGE_MAX_TOKENS,
    admission,
    engine,
    estimates: createEstimates(),
    json: createJsonChecker(),
    metrics,
    poison: createPoisonMemory(),
    prepareImages: createImagePreparer({
      maxPixels: config.MAX_IMAGE_PIXELS,
      availableBytes: async () => (await readMemory()).availableBytes,
      fetchImage: config.IMAGE_URL_ALLOW === '' ? undefined : fetchImage,
    }),
  })
  const app = await buildApp({
    config,
    version: ownVersion(),
    inference,
    metrics,
    model: () => toldSettings(model, engine.status().contextTokens),
    modelFile: () => modelFileOf(engine),
    engineStatus: engine.status,
    shutdown: shutdown.signal,
    draining: () => draining,
    log,
  }).catch(async (error) => {
    await engine.stop()
    throw error
  })

  const giveUp = () => shutdown.abort(failure('shutting_down', {}, { retryAfterSeconds: 5 }))
  let end: Promise<void> | undefined

  function stop({ atOnce } = { atOnce: false }): Promise<void> {
    draining = true
    if (atOnce) giveUp()
    end ??= drain()
    return end
  }

  async function drain(): Promise<void> {
    const graceIsOver = setTimeout(giveUp, config.SHUTDOWN_GRACE * 1000)
    await admission.idle(shutdown.signal)
    clearTimeout(graceIsOver)
    giveUp()
    // A connection on which nothing was ever asked never counts as idle: it is cut once the answers have left.
    const cut = setTimeout(() => app.server.closeAllConnections(), answersLeaveMs)
    try {
      await app.close()
    } finally {
      clearTimeout(cut)
      await engine.stop()
    }
  }

  try {
    await app.listen({ host: config.HOST, port: config.PORT })
  } catch (error) {
    await stop()
    throw listenFault(error, config)
  }
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    engine,
    url: `http://${config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST}:${port}`,
    stop,
  }
}

async function modelFileOf(engine: Engine): Promise<ModelFile> {
  const { model: facts, since } = engine.status()
  const file = facts && (await stat(facts.path).catch(() => undefined))
  return { bytes: file?.size ?? 0, modified: file?.mtime ?? since }
}

async function snapshot(engine: Engine, { inside }: Admission, slots: number): Promise<Snapshot> {
  const { state, restarts, pid } = engine.status()
  const throttling = await cpuThrottling()
  return {
    waiting: Math.max(0, inside - slots),
    running: Math.min(inside, slots),
    engineState: state,
    engineRestarts: restarts,
    gatewayBytes: process.memoryUsage.rss(),
    engineBytes: pid === undefined ? 0 : await residentBytes(pid),
    throttledPeriods: throttling.periods,
    throttledSeconds: throttling.seconds,
  }
}
