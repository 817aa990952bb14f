/** `llama-vision doctor`: what would happen with these settings on this machine, and what is wrong, before it starts. */
import { rm } from 'node:fs/promises'
import { type Config, entriesOf } from '../config.ts'
import { engineBuild, engineIsMissing, engineProgram, isExecutable } from '../engine/child.ts'
import { batchSize } from '../engine/command.ts'
import { confinement } from '../engine/confinement.ts'
import { startWith } from '../engine/context.ts'
import { makeEngineFolder } from '../engine/folder.ts'
import {
  memoryArithmetic,
  memoryAvailable,
  memoryNeed,
  type Resources,
  readResources,
} from '../engine/resources.ts'
import { messageOf } from '../errors.ts'
import { findModel, type ModelFacts } from '../model/facts.ts'
import { modelSettings } from '../model/settings.ts'
import { requirePort } from './port.ts'
import { probe } from './probe.ts'
import { isLoopback, judgedSettings, misspeltSettings, requireGuard } from './settings.ts'

/** `warning` lets the service run, `fault` does not. */
export type Finding = { about: string; level: 'good' | 'warning' | 'fault'; sentence: string }

const good = (sentence: string) => ({ level: 'good' as const, sentence })
const warning = (sentence: string) => ({ level: 'warning' as const, sentence })
const fault = (sentence: string) => ({ level: 'fault' as const, sentence })

type Verdict = Omit<Finding, 'about'>

/** Looks at everything; what can't be looked at for want of something else is left out. */
export async function doctor(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  const findings: Finding[] = []
  async function look(about: string, at: () => Promise<Verdict> | Verdict): Promise<void> {
    const verdict = await Promise.resolve()
      .then(at)
      .catch((error) => fault(messageOf(error)))
    findings.push({ about, ...verdict })
  }

  const { config, faults } = judgedSettings(env)
  findings.push({ about: 'settings', ...settingsVerdict(faults, misspeltSettings(env)) })
  // What is wrong has its default, of which nothing is to be told.
  if (faults.length > 0) return findings
  const resources = await readResources()
  let model: ModelFacts | undefined

  await look('engine', () => engineVerdict(config))
  await look('confinement', confinementVerdict)
  await look('threads', () => threadsVerdict(config, resources))
  await look('model', async () => {
    model = await findModel(modelSettings(config))
    return modelVerdict(model, config)
  })
  const found = model
  if (found) await look('memory', () => memoryVerdict(found, config, resources))
  await look('port', () => portVerdict(config, env))
  await look('access', () => accessVerdict(config))
  await look('temporary folder', async () => {
    const folder = await makeEngineFolder()
    await rm(folder, { recursive: true })
    return good(`the engine's socket can lie in ${folder.replace(/\/[^/]*$/, '')}`)
  })
  return findings
}

function settingsVerdict(faults: string[], misspelt: string[]): Verdict {
  if (faults.length > 0) return fault(faults.join('\n'))
  return misspelt.length > 0 ? warning(misspelt.join('\n')) : good('all of them are in range')
}

async function engineVerdict(config: Config): Promise<Verdict> {
  const program = engineProgram(config)
  if (!isExecutable(program)) return fault(engineIsMissing(config))
  const { version, variant } = await engineBuild(program)
  return good(
    `${program}, version ${version}, ${variant ? `code for this CPU: ${variant}` : 'built for this CPU'}`,
  )
}

async function confinementVerdict(): Promise<Verdict> {
  const { holds, sentence } = await confinement()
  return holds ? good(sentence) : warning(sentence)
}

function threadsVerdict({ THREADS }: Config, { threads, cores, quota }: Resources): Verdict {
  const why = `${cores} cores may be used${Number.isFinite(quota) ? `, the cgroup's quota is ${quota} CPUs` : ''}`
  if (THREADS === 0) return good(`${threads}: ${why}`)
  const sentence = `${THREADS}, as THREADS says: ${why}`
  return THREADS > threads ? warning(`${sentence}; more threads than that make it slower`) : good(sentence)
}

function modelVerdict(model: ModelFacts, config: Config): Verdict {
  const { path, mmprojPath, architecture, contextLength } = model
  const sees = mmprojPath === path ? 'which holds its vision part' : `with ${mmprojPath}`
  const sentence = `${path} (${architecture}) ${sees}`
  return config.CONTEXT_SIZE > contextLength
    ? warning(
        `${sentence}; CONTEXT_SIZE is ${config.CONTEXT_SIZE}, but it was trained for ${contextLength} tokens`,
      )
    : good(sentence)
}

function memoryVerdict(model: ModelFacts, config: Config, resources: Resources): Verdict {
  const { settings, shortage } = startWith(modelSettings(config), model, resources)
  const need = memoryNeed(model, settings, batchSize(model))
  if (!shortage) return good(`${memoryArithmetic(need)}; ${memoryAvailable(resources)}`)
  return config.MEMORY_CHECK === 'on' ? fault(shortage) : warning(shortage)
}

async function portVerdict(config: Config, env: NodeJS.ProcessEnv): Promise<Verdict> {
  try {
    await requirePort(config)
  } catch (error) {
    const { healthy, message, url } = await probe(env)
    if (healthy) return good(`a service answers at ${url} already (${message})`)
    return fault(messageOf(error))
  }
  return good(`${config.HOST}:${config.PORT} is free`)
}

function accessVerdict(config: Config): Verdict {
  requireGuard(config)
  const keys = entriesOf(config.API_KEYS).length
  if (keys > 0) return good(keys === 1 ? 'a key is needed' : `one of ${keys} keys is needed`)
  return config.ALLOW_OPEN === '1' && !isLoopback(config.HOST)
    ? warning('whoever reaches the port may ask, without a key')
    : good('no key is needed; only this machine can ask')
}
