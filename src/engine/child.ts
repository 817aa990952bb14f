/**
 * One llama-server process: started with nothing inherited and confined, its output always drained (it freezes when
 * nobody reads), its last lines kept for the diagnosis. It dies with this process, however this process dies.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Config } from '../config.ts'
import type { EngineCommand } from './command.ts'
import { confined } from './confinement.ts'
import type { EngineEnd } from './diagnosis.ts'
import { places } from './places.ts'

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
const versionTimeoutMs = 10_000

/** The engine to run: the set-up's unless another is named. */
export const engineProgram = ({ ENGINE_PATH }: Pick<Config, 'ENGINE_PATH'>): string =>
  ENGINE_PATH || join(places.engine, 'bin/llama-server')

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    // Folders can be entered, which the same bit says.
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** What a person is told of an engine that is not there: what to do about it. */
export const engineIsMissing = (
  { ENGINE_PATH }: Pick<Config, 'ENGINE_PATH'>,
  { command, engine } = places,
): string =>
  ENGINE_PATH
    ? `ENGINE_PATH is ${ENGINE_PATH}, which is missing or not executable; name a llama-server, or leave it empty for the one that the set-up builds`
    : `The engine is not built yet; run: ${command} (it is looked for at ${engine}/bin/llama-server)`

export type EngineBuild = {
  version: string
  /** File of the backend that it chose for this CPU; undefined for an engine that was built for one CPU. */
  variant: string | undefined
}

/** Asks an engine what it is. Rejects when it can't be run here at all. */
export async function engineBuild(program: string): Promise<EngineBuild> {
  const run = (...words: string[]) =>
    execa(program, words, { all: true, stdin: 'ignore', timeout: versionTimeoutMs })
  const version = (await run('--version')).all
  // Loading is told only to those who want to hear everything.
  const devices = (await run('--verbosity', '5', '--list-devices')).all
  return {
    version: /version: (.*)/.exec(version)?.[1] ?? 'unknown',
    variant: /loaded CPU backend from .*\/(\S+)/.exec(devices)?.[1],
  }
}

export function startEngine(
  program: string,
  command: EngineCommand,
  folder: string,
  onLine: (line: string) => void,
): EngineChild {
  const [file, words] = confined(program, command.arguments, folder)
  const child = execa(file, words, {
    // Backends are searched in the working folder too, so it must be one that only we write to.
    cwd: folder,
    env: command.environment,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    buffer: false,
    reject: false,
    forceKillAfterDelay: forceKillAfterMs,
    // A session of its own: a Ctrl-C in the terminal is for us, who let it finish what it works on.
    detached: true,
  })
  // Where nothing confines it, nobody else would see to that.
  const leave = () => void child.kill('SIGKILL')
  process.once('exit', leave)
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
    process.off('exit', leave)
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
