/**
 * Which service a command asks: the one it was told, else one that runs on this machine with the same settings, else
 * one of its own that ends with the command.
 */
import { pino } from 'pino'
import { sourceName } from '../model/source-name.ts'
import { probe } from './probe.ts'
import { commandSettings, misspeltSettings } from './settings.ts'
import { untilHealthy } from './until-healthy.ts'

export type ServiceChoice = {
  url: string | undefined
  key: string | undefined
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

export type ChosenService = {
  url: string
  key: string | undefined
  slots: number
  /** Ends one that was started for the purpose. */
  stop?: () => Promise<void>
}

/** Runs `work` with a service that is ready. `tell` hears what is waited for. */
export async function withService<Result>(
  choice: ServiceChoice,
  tell: (sentence: string) => void,
  work: (service: ChosenService) => Promise<Result>,
): Promise<Result> {
  const service = await chooseService(choice, tell)
  try {
    return await work(service)
  } finally {
    await service.stop?.()
  }
}

/** A service that is ready, to be stopped by whoever chose it. */
export async function chooseService(
  { url, key, env, signal }: ServiceChoice,
  tell: (sentence: string) => void,
): Promise<ChosenService> {
  if (url !== undefined) return { url: url.replace(/\/+$/, ''), key, slots: 1 }
  for (const sentence of misspeltSettings(env)) tell(sentence)
  const config = commandSettings(env)
  const running = await probe(env)
  if (running.healthy) return { url: running.url, key, slots: config.SLOTS }
  tell(`starting the model ${sourceName(config.MODEL_NAME)}`)
  // Loaded only where it is started: it is most of what a command would hold in memory.
  const { startService } = await import('./serve.ts')
  const own = await startService(
    // Nobody else asks it, so there is nobody to wait for at its end.
    { ...config, HOST: '127.0.0.1', PORT: 0, API_KEYS: '', RATE_LIMIT: 0, SHUTDOWN_GRACE: 0 },
    pino({ level: 'silent' }),
  )
  try {
    await untilHealthy(own.url, { signal, tell })
  } catch (error) {
    await own.stop()
    throw error
  }
  return { url: own.url, key: undefined, slots: config.SLOTS, stop: () => own.stop() }
}
