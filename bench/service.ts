/** Runs the service with the demo model in a process of its own, so that a bench's own work does not slow it. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { untilHealthy } from '../src/cli/until-healthy.ts'
import { packageRoot } from '../src/config.ts'
import type { InferResponse } from '../src/doors/infer/schema.ts'

export type BenchService = {
  url: string
  /** The engine's UNIX socket, for asking it directly. */
  engineSocket: string
  /** Most memory that the engine had in use so far, its mapped files included. */
  enginePeakBytes(): number
  /** Longest block of the event loop since the last call, in milliseconds, and memory now, in MiB. */
  measure(): Promise<{ longestBlockMs: number; memoryMib: number }>
}

export async function withService(
  env: Record<string, string>,
  use: (service: BenchService) => Promise<void>,
): Promise<void> {
  const child = fork(join(packageRoot, 'bench/measured-service.ts'), {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, MODEL_NAME: 'demo', PORT: '0', LOG_LEVEL: 'error', ...env },
  })
  const ended = once(child, 'exit')
  try {
    const [url] = (await once(child, 'message')) as [string]
    await untilHealthy(url)
    const engine = engineOf(child)
    await use({
      url,
      engineSocket: engine.socket,
      enginePeakBytes: () => peakBytes(engine.pid),
      measure: () => measure(child),
    })
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

async function measure(child: ChildProcess) {
  child.send('measure')
  const [answer] = (await once(child, 'message')) as [{ longestBlockMs: number; memoryMib: number }]
  return answer
}

/** The engine is a child of the service; its `--host` is its socket. */
function engineOf(service: ChildProcess): { pid: string; socket: string } {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/status`, 'utf8').includes(`PPid:\t${service.pid}\n`)) continue
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const host = words[words.indexOf('--host') + 1]
      if (host?.endsWith('.sock')) return { pid, socket: host }
    } catch {
      // A process that ended while we looked.
    }
  }
  throw new Error('The service has no engine')
}

export async function ask(url: string, request: object): Promise<InferResponse> {
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  })
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as InferResponse
}

function peakBytes(pid: string): number {
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) * 1024
}
