/** A supervisor whose engine runs within the test. */
import type { Test } from 'tap'
import { superviseEngine } from '../../src/engine/supervisor.ts'
import type { Timings } from '../../src/engine/timings.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { engineInProcess } from './engine-in-process.ts'
import { fakeEngineConfig, keptLog, quickTimings } from './fake-engine.ts'
import type { FakeStart } from './fake-llama.ts'
import { until } from './until.ts'

export type Supervision = {
  /** Of the first, second ... start. */
  faults?: FakeStart[]
  env?: Record<string, string>
  times?: Partial<Timings>
  /** Done with the settings before the supervisor sees them. */
  before?: (config: ReturnType<typeof fakeEngineConfig>) => void
}

export function supervised(
  t: Test,
  { faults = [], env = {}, times = {}, before = () => {} }: Supervision = {},
) {
  const log = keptLog()
  const config = fakeEngineConfig(t.testdir(), '', env)
  before(config)
  const { starts, startProcess } = engineInProcess(...faults)
  const engine = superviseEngine(config, modelSettings(config), log, {
    times: { ...quickTimings, ...times },
    startProcess,
  })
  t.teardown(() => engine.stop())
  return {
    ...{ engine, log, config, starts },
    /** All states so far, but for the first. */
    states: () => log.lines.flatMap(({ facts }) => (facts.state ? [facts.state as string] : [])),
    reachesState: (state: string) => until(() => engine.status().state === state, state),
    reachesStart: (number: number) => until(() => starts.length >= number, `start ${number}`),
  }
}
