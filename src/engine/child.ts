/**
 * One llama-server process: started with nothing inherited, its output always drained (it freezes when nobody reads),
 * its last lines kept for the diagnosis. It dies with this process, however this process dies.
 */
import { accessSync, constants } from 'node:fs'
import { execa } from 'execa'
import type { EngineCommand } from './command.ts'
import type { EngineEnd } from './diagnosis.ts'

export type EngineChild = {
  /** Undefined when it could not be started. */
  pid: number | undefined
  /** Resolves when the process is gone; never rejects. */
  ended: Promise<EngineEnd>
  /** SIGTERM, and SIGKILL five seconds later. */
  stop(): void
  kill(): void
}

const keptLines = 100
const keptLineLength = 500
const forceKillAfterMs = 5000

/** From util-linux: has the kernel kill the engine when we are gone, which no handler of ours could after SIGKILL. */
const setpriv = ['/usr/bin/setpriv', '/bin/setpriv'].find((path) => isExecutable(path))

export const diesWithUs = setpriv !== undefined

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export function startEngine(
  program: string,
  command: EngineCommand,
  folder: string,
  onLine: (line: string) => void,
): EngineChild {
  const [file, wrapping] = setpriv ? [setpriv, ['--pdeathsig', 'KILL', '--', program]] : [program, []]
  const child = execa(file, [...wrapping, ...command.arguments], {
    // Backends are searched in the working folder too, so it must be one that only we write to.
    cwd: folder,
    env: command.environment,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    forceKillAfterDelay: forceKillAfterMs,
  })
  const lines: string[] = []
  const drained = (async () => {
    for await (const line of child.iterable({ from: 'all' })) {
      lines.push(line.slice(0, keptLineLength))
      if (lines.length > keptLines) lines.shift()
      onLine(line)
    }
  })().catch(() => {})
  const ended = child.then(async (result) => {
    await drained
    if (result.exitCode === undefined && result.signal === undefined)
      lines.push(result.shortMessage ?? 'it could not be started')
    return { exitCode: result.exitCode, signal: result.signal, lines }
  })
  return {
    pid: child.pid,
    ended,
    stop: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
  }
}
