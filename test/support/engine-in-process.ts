/** The fake engine within the test: what the supervisor starts instead of a process, on a real socket, within milliseconds. */
import type { startEngine } from '../../src/engine/child.ts'
import type { EngineEnd } from '../../src/engine/diagnosis.ts'
import { type FakeStart, startFakeLlama } from './fake-llama.ts'

export type Started = {
  command: readonly string[]
  folder: string
  pid: number
  /** How it was asked to go, in order. */
  asked: ('stop' | 'kill')[]
  /** Ends it from outside, as the system might. */
  end(how: { exitCode?: number; signal?: string }): void
}

/** Beyond what Linux counts to, so nobody's. */
const firstPid = 99_000_000

/** `faults` of the first, second ... start; the last one stays. */
export function engineInProcess(...faults: FakeStart[]) {
  const starts: Started[] = []
  const startProcess: typeof startEngine = (_program, command, folder, onLine) => {
    const fault = faults[Math.min(starts.length, faults.length - 1)] ?? ''
    const lines: string[] = []
    const asked: Started['asked'] = []
    let gone = false
    let close = () => {}
    let resolve: (end: EngineEnd) => void
    const ended = new Promise<EngineEnd>((settle) => {
      resolve = settle
    })
    const end: Started['end'] = ({ exitCode, signal }) => {
      gone = true
      close()
      resolve({ exitCode, signal, lines })
    }
    const leave = (how: 'stop' | 'kill', signal: string) => () => {
      asked.push(how)
      end({ signal })
    }
    const pid = firstPid + starts.length
    starts.push({ command: command.arguments, folder, pid, asked, end })
    // As a process would, it begins only after whoever started it went on.
    queueMicrotask(() => {
      if (gone) return
      close = startFakeLlama(command.arguments, fault, {
        print: (line) => {
          lines.push(line)
          onLine(line)
        },
        exit: (exitCode) => end({ exitCode }),
        crash: () => end({ signal: 'SIGKILL' }),
        // Whoever asks is turned away at once, so that no test has to wait until a question runs out of time.
        wedge: () => close(),
      })
    })
    return { pid, ended, stop: leave('stop', 'SIGTERM'), kill: leave('kill', 'SIGKILL') }
  }
  return { startProcess, starts }
}
