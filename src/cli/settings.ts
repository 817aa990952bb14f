/**
 * The settings of a command, all that is wrong with them told at once, and before anything is started that would have to
 * be ended again. What belongs to a part is judged by that part.
 */
import { statSync } from 'node:fs'
import { isIP } from 'node:net'
import { type Config, ConfigError, entriesOf, type Given, readConfig, settings } from '../config.ts'
import { isExecutable } from '../engine/child.ts'
import { acceptedKeys, trustedProxies } from '../http/caller.ts'
import { allowedOrigins } from '../http/origins.ts'
import { ownNames } from '../http/own-names.ts'
import { requireModelName } from '../model/locate.ts'
import { parseAllowList } from '../net/addresses.ts'
import type { Environment } from '../places.ts'
import { otherKind } from '../plain-file.ts'
import { nearest } from '../spelling.ts'

/** Each throws `ConfigError` for a setting that no patience would mend. */
const checks: ((config: Config) => unknown)[] = [
  requireModelName,
  ({ MODEL_PATH }) => requireFolder('MODEL_PATH', MODEL_PATH, '; a single model is named by MODEL_NAME'),
  ({ OLLAMA_STORE }) => requireFolder('OLLAMA_STORE', OLLAMA_STORE),
  requireHost,
  ({ IMAGE_URL_ALLOW }) => parseAllowList('IMAGE_URL_ALLOW', IMAGE_URL_ALLOW),
  acceptedKeys,
  ownNames,
  trustedProxies,
  allowedOrigins,
]

/** Settings with all that is wrong with them, `more` checks included. */
export function judgedSettings(env: Environment, more: typeof checks = []): Given {
  const { config, faults } = readConfig(env)
  return { config, faults: [...faults, ...faultsOf(config, [...checks, ...more])] }
}

/** Throws `ConfigError` with a line for each setting that is wrong. */
export function commandSettings(env: Environment, more: typeof checks = []): Config {
  const { config, faults } = judgedSettings(env, more)
  if (faults.length > 0) throw new ConfigError(faults.join('\n'))
  return config
}

/** The same for a service that others may ask. */
export const serviceSettings = (env: Environment): Config =>
  commandSettings(env, [requireGuard, requireEngineProgram])

function faultsOf(config: Config, looks: typeof checks): string[] {
  return looks.flatMap((look) => {
    try {
      look(config)
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.message
      throw error
    }
  })
}

/** One that is missing may be mounted later. */
function requireFolder(name: keyof Config, path: string, advice = ''): void {
  const kind = kindOf(path)
  if (kind === undefined || kind === 'a folder') return
  throw new ConfigError(`${name} is ${path}, which is ${kind}, not a folder${advice}`)
}

function kindOf(path: string): string | undefined {
  try {
    return otherKind(statSync(path)) ?? 'a file'
  } catch {
    return undefined
  }
}

/** An address as the system writes it, or a name: what also means an address may be one that is open to others. */
function requireHost({ HOST }: Config): void {
  const address = `http://${HOST}`
  const isName = /^\w/.test(HOST) && URL.canParse(address) && new URL(address).hostname === HOST.toLowerCase()
  if (isIP(HOST) !== 0 || isName) return
  throw new ConfigError(
    `HOST must be an address such as 127.0.0.1, 0.0.0.0 or ::1, or a name, without a port; got ${JSON.stringify(HOST)}`,
  )
}

function requireEngineProgram({ ENGINE_PATH }: Config): void {
  if (ENGINE_PATH === '' || isExecutable(ENGINE_PATH)) return
  throw new ConfigError(`ENGINE_PATH is ${ENGINE_PATH}, which is no program that can be run here`)
}

/** Throws `ConfigError` for a service that strangers could use although nobody said that they may. */
export function requireGuard({ HOST, API_KEYS, ALLOW_OPEN }: Config): void {
  if (entriesOf(API_KEYS).length > 0 || ALLOW_OPEN === '1' || isLoopback(HOST)) return
  throw new ConfigError(
    `HOST is ${HOST}, so other machines can reach the service: set API_KEYS, or ALLOW_OPEN=1 if they all may ask`,
  )
}

/** Whether this machine alone can reach a service that listens there. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))

/** A sentence for each variable that is nearly a setting: what it was meant to change stays as it is. */
export function misspeltSettings(env: Environment): string[] {
  const names = Object.keys(settings.properties)
  return Object.entries(env).flatMap(([name, value]) => {
    if (!value || names.includes(name)) return []
    const meant = nearest(name.toUpperCase(), names)
    return meant ? [`${name} is no setting and changes nothing; was ${meant} meant?`] : []
  })
}
