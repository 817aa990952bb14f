/** Engines that are there and do not work: each is found out, and the service comes back by itself. */
import { setTimeout as sleep } from 'node:timers/promises'
import { infer, type RunningService, untilHealthy } from '../../support/service.ts'
import { type Fault, faultyEngine } from '../faulty-llama-server.ts'
import { engineOf, isThere } from '../processes.ts'
import { asked, type Known, knownQuestions, longRequest } from '../questions.ts'
import { atMost, type Figure, holds, judged } from '../row.ts'
import { isHealthy, timeUntil, withFolder, withStarting } from '../service.ts'

export const name = 'wedges'
export const must =
  'SIGSTOP idle, busy, loading; deaf, stalled, garbage, failing, endless: found in 10 s idle, 3 times the expected time busy; recovered'

const idleLimitMs = 10_000
/** What a person would call for ever. */
const patienceMs = 60_000
/** Questions that come while it is broken. */
const askEveryMs = 500

export async function run() {
  const figures: Figure[] = []
  figures.push(...(await stopped('SIGSTOP idle', async () => {})))
  figures.push(...(await stopped('SIGSTOP busy', askLong)))
  figures.push(...(await stoppedWhileLoading()))
  for (const fault of ['deaf', 'stall', 'garbage', 'failing', 'endless'] as const)
    figures.push(...(await turned(fault)))
  return judged(figures)
}

/** A second in which the engine is at work. */
async function askLong(url: string): Promise<void> {
  infer(url, await longRequest()).catch(() => {})
  await sleep(1000)
}

const stopped = (title: string, prepare: (url: string) => Promise<void>): Promise<Figure[]> =>
  withStarting({}, async (service) => {
    await untilHealthy(service.url)
    const known = await knownQuestions(service.url, 4)
    const began = performance.now()
    await infer(service.url, await longRequest())
    const expectedMs = performance.now() - began
    await prepare(service.url)
    const engine = engineOf(service.process.pid)
    if (engine === undefined) throw new Error('there is no engine')
    process.kill(engine, 'SIGSTOP')
    return foundAndBack(title, service, known, engine, Math.max(idleLimitMs, 3 * expectedMs))
  })

const stoppedWhileLoading = (): Promise<Figure[]> =>
  withStarting({}, async (service) => {
    const title = 'SIGSTOP loading'
    await timeUntil(() => engineOf(service.process.pid) !== undefined, 10_000, 1)
    const engine = engineOf(service.process.pid)
    if (engine === undefined || (await isHealthy(service.url))) return [holds(title, false, 'was too quick')]
    process.kill(engine, 'SIGSTOP')
    return foundAndBack(title, service, undefined, engine, patienceMs)
  })

const turned = (fault: Fault): Promise<Figure[]> =>
  withFolder((folder) => {
    const { settings, turn } = faultyEngine(folder)
    return withStarting(settings, async (service) => {
      await untilHealthy(service.url)
      const known = await knownQuestions(service.url, 4)
      const engine = engineOf(service.process.pid)
      if (engine === undefined) throw new Error('there is no engine')
      turn(engine, fault)
      return foundAndBack(fault, service, known, engine, idleLimitMs)
    })
  })

/** Found: another engine is there, or the service says that it is not healthy. Back: it answers as before. */
async function foundAndBack(
  title: string,
  service: RunningService,
  known: Known[] | undefined,
  engine: number,
  limitMs: number,
): Promise<Figure[]> {
  const crowd = { over: false }
  const asking = askNowAndThen(service.url, known ?? [], crowd)
  const begun = known === undefined
  const found = await timeUntil(
    async () => !isThere(engine) || (!begun && !(await isHealthy(service.url))),
    patienceMs,
  )
  crowd.over = true
  await asking
  if (found === undefined) return [holds(title, false, `not found in ${patienceMs / 1000} s`)]
  const back = await timeUntil(async () => {
    if (!(await isHealthy(service.url))) return false
    const [question] = known ?? (await knownQuestions(service.url, 1))
    return question !== undefined && (await asked(service.url, question, 5000)) === 'right'
  }, patienceMs)
  return [
    atMost(`${title} found in`, found / 1000, limitMs / 1000, ' s'),
    back === undefined ? holds('back', false, 'no') : atMost('back in', back / 1000, patienceMs / 1000, ' s'),
  ]
}

/** As users do: they do not know that it is broken, and give up in time. */
async function askNowAndThen(url: string, known: Known[], crowd: { over: boolean }): Promise<void> {
  for (let turn = 0; !crowd.over; turn += 1) {
    const question = known[turn % Math.max(1, known.length)]
    if (question) void asked(url, question, 15_000)
    await sleep(askEveryMs)
  }
}
