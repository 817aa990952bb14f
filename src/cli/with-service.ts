/**
 * Which service a command asks: the one it was told, else one that runs on this machine with the same settings, else
 * one of its own that ends with the command.
 */
import { pino } from 'pino'
import { loadConfig } from '../config.ts'
import { sourceName } from '../model/source-name.ts'
import { probe } from './probe.ts'
import { startService } from './serve.ts'
import { untilHealthy } from './until-healthy.ts'

export type ServiceChoice = {
  url: string | undefined
  key: string | undefined
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

export type ChosenService = { url: string; key: string | undefined; slots: number }

/** Runs `work` with a service that is ready. `tell` hears what is waited for. */
export async function withService<Result>(
  { url, key, env, signal }: ServiceChoice,
  tell: (sentence: string) => void,
  work: (service: ChosenService) => Promise<Result>,
): Promise<Result> {
  if (url !== undefined) return work({ url: url.replace(/\/+$/, ''), key, slots: 1 })
  const config = loadConfig(env)
  const running = await probe(env)
  if (running.healthy) return work({ url: running.url, key, slots: config.SLOTS })
  tell(`starting the model ${sourceName(config.MODEL_NAME)}`)
  const own = await startService(
    // Nobody else asks it, so there is nobody to wait for at its end.
    { ...config, HOST: '127.0.0.1', PORT: 0, API_KEYS: '', RATE_LIMIT: 0, SHUTDOWN_GRACE: 0 },
    pino({ level: 'silent' }),
  )
  try {
    await untilHealthy(own.url, { signal, tell })
    return await work({ url: own.url, key: undefined, slots: config.SLOTS })
  } finally {
    await own.stop()
  }
}
