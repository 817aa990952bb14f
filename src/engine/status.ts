/** What others may know of the engine: its state, and since when and why. `supervisor.ts` tells what the states mean. */
import type { ModelFacts } from '../model/facts.ts'

export const engineStates = ['starting', 'loading', 'ready', 'failed', 'stopping'] as const

export type EngineState = (typeof engineStates)[number]

export type EngineStatus = {
  state: EngineState
  /** Why it is not ready, for a person. Undefined when it is. */
  reason: string | undefined
  /** When this state began. */
  since: Date
  restarts: number
  /** Known from `loading` on. */
  model: ModelFacts | undefined
  threads: number | undefined
  /** Of the process that runs now. */
  pid: number | undefined
}
