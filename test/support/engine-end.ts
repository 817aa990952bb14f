/**
 * The real engine on files that may be hostile: read, started and shown a picture as the service does it, once. What is
 * taken for it, its folder and its process, is gone when this resolves.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startEngine } from '../../src/engine/child.ts'
import type { EngineEnd } from '../../src/engine/diagnosis.ts'
import { runEngine } from '../../src/engine/run.ts'
import { timings } from '../../src/engine/timings.ts'
import { findModel } from '../../src/model/facts.ts'
import { ModelProblem } from '../../src/model/model-problem.ts'
import type { ModelSettings } from '../../src/model/settings.ts'
import { engineProgram } from './llama-server.ts'

export type FileEnd = {
  how:
    | 'runs'
    /** Not even given to the engine. */
    | 'refused by the gateway'
    /** It ended by itself, with a code. */
    | 'refused by the engine'
    /** Loaded, but what it computes is nonsense. */
    | 'sees nothing'
    | 'died'
    | 'hangs'
  /** What the service would say. */
  reason: string
}

/** Quicker than for people: these models load within milliseconds. */
const times = { ...timings, healthPoll: 10, watch: 100, lastWords: 150 }
const patienceMs = 60_000
const silent = { debug() {}, info() {}, warn() {}, error() {} }

export async function endOf(
  settings: ModelSettings,
  program = engineProgram('llama-server'),
): Promise<FileEnd> {
  let model: Awaited<ReturnType<typeof findModel>>
  try {
    model = await findModel(settings)
  } catch (error) {
    if (error instanceof ModelProblem) return { how: 'refused by the gateway', reason: error.message }
    throw error
  }
  const over = new AbortController()
  let end: EngineEnd | undefined
  let ours = false
  let saw = false
  const startProcess: typeof startEngine = (...start) => {
    const child = startEngine(...start)
    void child.ended.then((how) => {
      end = how
    })
    const ended = (by: () => void) => () => {
      ours ||= end === undefined
      by()
    }
    return { ...child, stop: ended(child.stop), kill: ended(child.kill) }
  }
  const run = runEngine({
    ...{ program, startProcess, settings, model, times },
    ...{ threads: 1, log: silent, visionCheck: 'on', stopping: over.signal },
    onLoading() {},
    onAnswered() {},
    onLost() {},
    onReady() {
      saw = true
      over.abort()
    },
  })
  const patience = sleep(patienceMs, 'hangs' as const, { signal: over.signal }).catch(() => 'ended' as const)
  const first = await Promise.race([run, patience])
  const hangs = first === 'hangs'
  over.abort()
  const { sentence } = await run
  if (end?.exitCode === undefined && end?.signal === undefined) throw new Error(`It did not run: ${sentence}`)
  if (saw) return { how: 'runs', reason: '' }
  if (hangs) return { how: 'hangs', reason: sentence }
  if (ours) return { how: 'sees nothing', reason: sentence }
  return { how: end?.signal === undefined ? 'refused by the engine' : 'died', reason: sentence }
}
