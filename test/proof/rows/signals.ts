/**
 * Each signal does what is documented, a second one too, and nothing stays behind after those that cannot be caught. A log
 * that nobody reads any more, which is a signal by itself for many programs, changes nothing.
 */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { infer, type RunningService, untilHealthy } from '../../support/service.ts'
import { engineOf, isThere, portsOf } from '../processes.ts'
import { longRequest } from '../questions.ts'
import { type Figure, holds, judged } from '../row.ts'
import { inside, timeUntil, withFolder, withStarting } from '../service.ts'

export const name = 'signals'
export const must =
  'each as documented; second one; SIGKILL and a crash leave nothing; no reader of the log is needed'

type Case = { service: RunningService; pid: number; engine: number; temporary: string }

/** A ready service with a temporary folder of its own. */
const withCase = (use: (one: Case) => Promise<Figure[]>): Promise<Figure[]> =>
  withFolder(async (folder) => {
    const temporary = join(folder, 't')
    mkdirSync(temporary)
    return withStarting({ TMPDIR: temporary }, async (service) => {
      await untilHealthy(service.url)
      const { pid } = service.process
      const engine = engineOf(pid)
      if (pid === undefined || engine === undefined) throw new Error('there is no engine')
      return use({ service, pid, engine, temporary })
    })
  })

const endLimitMs = 30_000

async function endOf({
  service,
  engine,
  temporary,
}: Case): Promise<{ code: number | string; left: string[] }> {
  const code = await Promise.race([service.exited, sleep(endLimitMs, 'still there', { ref: false })])
  // What clears up after a process that could not starts once that one is gone.
  await timeUntil(() => !isThere(engine) && readdirSync(temporary).length === 0, 2000)
  const left = readdirSync(temporary)
  return { code, left: isThere(engine) ? [...left, 'the engine'] : left }
}

/** Ends an idle service in an orderly way: 0, and nothing is left. */
const idle = (signal: NodeJS.Signals) =>
  withCase(async (one) => {
    process.kill(one.pid, signal)
    const { code, left } = await endOf(one)
    return [holds(`${signal}: exit`, code === 0 && left.length === 0, [code, ...left].join(' and left '))]
  })

/** What is under way may finish, although the signal comes twice within a moment, as from Ctrl-C under npm. */
const twiceAtOnce = () =>
  withCase(async (one) => {
    const answer = infer(one.service.url, await longRequest()).then(
      ({ status }) => status,
      () => 'cut off',
    )
    await timeUntil(async () => (await inside(one.service.url)) === 1, 5000)
    process.kill(one.pid, 'SIGINT')
    await sleep(200)
    process.kill(one.pid, 'SIGINT')
    const seen = `${await answer}, exit ${(await endOf(one)).code}`
    return [holds('two SIGINTs of one Ctrl-C:', seen === '200, exit 0', seen)]
  })

/** A person who asks a second time, later, is not kept waiting, and the engine goes too. */
const twice = () =>
  withCase(async (one) => {
    infer(one.service.url, await longRequest()).catch(() => {})
    await timeUntil(async () => (await inside(one.service.url)) === 1, 5000)
    process.kill(one.pid, 'SIGTERM')
    await sleep(1500)
    const began = performance.now()
    if (isThere(one.pid)) process.kill(one.pid, 'SIGTERM')
    const { left } = await endOf(one)
    const seen = `${Math.round(performance.now() - began)} ms${left.map((what) => ` and left ${what}`).join('')}`
    return [
      holds('a second SIGTERM ends within 2 s:', performance.now() - began < 2000 && left.length === 0, seen),
    ]
  })

const killed = () =>
  withCase(async (one) => {
    process.kill(one.pid, 'SIGKILL')
    const { left } = await endOf(one)
    // The engine's folder holds a socket; nothing of it must stay when nobody starts a service again.
    return [
      holds(
        'SIGKILL left',
        left.length === 0,
        left.map((what) => what.replace(/\d{3,}.*/, '…')).join(', ') || 'nothing',
      ),
    ]
  })

/** A crash in native code, as far as a signal can tell: it ends the process, and the rest goes with it. */
const crash = () =>
  withCase(async (one) => {
    process.kill(one.pid, 'SIGSEGV')
    const { code, left } = await endOf(one)
    const seen = [code, ...left].join(' and left ')
    return [holds('SIGSEGV: exit', code === 'SIGSEGV' && left.length === 0, seen)]
  })

/** As by `llama-vision serve | head -1`: it serves on, and ends in order when it is told to. */
const unread = () =>
  withCase(async (one) => {
    one.service.process.stdout?.destroy()
    const answers: number[] = []
    for (let asked = 0; asked < 20; asked += 1)
      answers.push((await fetch(`${one.service.url}/nowhere`, { method: 'POST' })).status)
    process.kill(one.pid, 'SIGTERM')
    const { code, left } = await endOf(one)
    const seen = [
      `${answers.filter((status) => status === 404).length} of 20 answered, exit ${code}`,
      ...left,
    ]
    return [
      holds('a log that nobody reads:', seen.join() === '20 of 20 answered, exit 0', seen.join(' and left ')),
    ]
  })

/** Signals that end no service, and open nothing. */
const harmless = (signal: NodeJS.Signals) =>
  withCase(async (one) => {
    const ports = portsOf(one.pid)
    process.kill(one.pid, signal)
    await sleep(1500)
    const opened = isThere(one.pid) ? portsOf(one.pid).filter((port) => !ports.includes(port)) : []
    const seen = isThere(one.pid) ? `opened ${opened.length} ports` : 'ended the service'
    return [holds(`${signal}:`, isThere(one.pid) && opened.length === 0, seen)]
  })

export async function run() {
  const figures: Figure[] = []
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)
    figures.push(...(await idle(signal)))
  for (const signal of ['SIGUSR1', 'SIGPIPE'] as const) figures.push(...(await harmless(signal)))
  for (const one of [twiceAtOnce, twice, killed, crash, unread]) figures.push(...(await one()))
  return judged(figures)
}
