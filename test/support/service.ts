/**
 * The whole service as its users have it: `dist/` in a process of its own, with the real engine and the demo model unless told
 * otherwise. Ends with the test, whatever happens.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { packageRoot } from '../../src/config.ts'
import type { InferResponse } from '../../src/doors/infer/schema.ts'
import type { Health } from '../../src/doors/status.ts'
import type { ErrorResponse } from '../../src/http/error-response.ts'

export type RunningService = {
  url: string
  process: ChildProcess
  /** What it logged so far, one object a line. */
  logged: Record<string, unknown>[]
  /** Resolves with the exit code, or the signal's name. */
  exited: Promise<number | string>
}

/**
 * Words for `env`: tap adds an option for Node to every process that a test starts, and would count what it runs as
 * other versions of the same files, which spoils the coverage of all of them.
 */
export const untouched = ['-u', 'NODE_OPTIONS']

/** As the image sets it. */
export const memoryEnv = { MALLOC_MMAP_THRESHOLD_: '131072' }

/** A test, or whatever else ends and then clears up. */
export type Owner = { teardown(end: () => Promise<void>): void }

export type Start = {
  /** Options of the shell's `ulimit`, such as `-n 256`. */
  limits?: string
  /** Folder of a cgroup of memory in which it starts. */
  cgroup?: string
  /** JavaScript that runs in the service before its own. */
  preload?: string
  /** The program to run; the checkout's own unless told. */
  main?: string
}

export async function runService(
  t: Owner,
  env: Record<string, string> = {},
  { limits, cgroup, preload, main = 'dist/main.js' }: Start = {},
): Promise<RunningService> {
  const { PATH, HOME, ENGINE_PATH } = process.env
  const options =
    preload === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
  const command = ['env', ...untouched, process.execPath, ...options, main, 'serve']
  const bounds = [
    ...(limits === undefined ? [] : [`ulimit ${limits}`]),
    ...(cgroup === undefined ? [] : [`echo $$ >'${cgroup}/cgroup.procs'`]),
    'exec "$@"',
  ]
  const [program = '', ...words] = ['sh', '-c', bounds.join(' && '), 'sh', ...command]
  const child = spawn(program, words, {
    cwd: packageRoot,
    // One thread each, since test files run side by side: engines that share cores wait for each other.
    env: { PATH, HOME, ENGINE_PATH, ...memoryEnv, MODEL_NAME: 'demo', PORT: '0', THREADS: '1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  t.teardown(async () => {
    child.kill('SIGTERM')
    const lastResort = setTimeout(() => child.kill('SIGKILL'), 20_000)
    await exited
    clearTimeout(lastResort)
  })
  const logged: Record<string, unknown>[] = []
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('end', () => reject(new Error(`The service ended: ${JSON.stringify(logged.at(-1))}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      logged.push(JSON.parse(line))
      const listening = /listening at (http:\S+)/.exec(line)
      if (listening?.[1]) resolve(listening[1].replace('"}', ''))
    })
  })
  return { url, process: child, logged, exited }
}

export async function health(url: string): Promise<{ status: number; body: Health }> {
  const response = await fetch(`${url}/health`)
  return { status: response.status, body: (await response.json()) as Health }
}

export async function untilHealthy(url: string, seconds = 60): Promise<Health> {
  const limit = Date.now() + seconds * 1000
  for (;;) {
    const answer = await health(url).catch(() => undefined)
    if (answer?.status === 200) return answer.body
    if (Date.now() > limit)
      throw new Error(`Not healthy after ${seconds} s: ${answer?.body.reason ?? 'no answer'}`)
    await sleep(50)
  }
}

/** Waits until so many requests are in the service, by its own figures: those with a slot and those in front of it. */
export async function untilInside(url: string, running: number, waiting = 0, seconds = 60): Promise<void> {
  const limit = Date.now() + seconds * 1000
  for (;;) {
    const figures = await (await fetch(`${url}/metrics`)).text()
    const figure = (name: string) =>
      Number(new RegExp(`^llama_vision_${name} (\\d+)$`, 'm').exec(figures)?.[1])
    const inside = [figure('running_requests'), figure('waiting_requests')]
    if (inside[0] === running && inside[1] === waiting) return
    if (Date.now() > limit) throw new Error(`${inside} requests run and wait, not ${running},${waiting}`)
    await sleep(20)
  }
}

/** How many questions of a door ended because their client went away, once nothing is under way. */
export async function clientsGone(url: string, door: string): Promise<number> {
  await untilInside(url, 0)
  const figures = await (await fetch(`${url}/metrics`)).text()
  const line = new RegExp(`^llama_vision_questions_total.door="${door}",outcome="client_gone". (\\d+)$`, 'm')
  return Number(line.exec(figures)?.[1] ?? 0)
}

export async function healthyService(
  t: Owner,
  env: Record<string, string> = {},
  start: Start = {},
): Promise<RunningService> {
  const service = await runService(t, env, start)
  await untilHealthy(service.url)
  return service
}

/** A body of either kind: tests look at what their case must have. */
type AnyBody = Omit<InferResponse, 'success' | 'error'> &
  Omit<ErrorResponse, 'success' | 'error'> & { success: boolean; error: string | null }

export type Answered = { status: number; headers: Headers; body: AnyBody }

export async function infer(url: string, request: object, signal?: AbortSignal): Promise<Answered> {
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
    ...(signal ? { signal } : {}),
  })
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as AnyBody,
  }
}
