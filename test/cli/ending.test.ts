import { EventEmitter } from 'node:events'
import t from 'tap'
import { type Ending, endInOrder, firstSignal, type Surroundings } from '../../src/cli/ending.ts'
import { keptLog } from '../support/fake-engine.ts'

type Stop = Ending['stop']

/** A process that hears what it is told here, and keeps its first exit status. */
function processWith(stop: Stop, graceMs = 60_000, lastMs?: number) {
  const log = keptLog()
  const own = new EventEmitter()
  const clock = { now: 0 }
  const now = () => clock.now
  const exited = new Promise<number>((resolve) => {
    const process = Object.assign(own, { exit: resolve }) as unknown as NonNullable<Surroundings['own']>
    endInOrder({ log, graceMs, stop }, { own: process, now, ...(lastMs !== undefined && { lastMs }) })
  })
  return { exited, own, log, clock }
}

const never = () => new Promise<void>(() => {})
const messages = ({ lines }: ReturnType<typeof keptLog>) => lines.map(({ message }) => message)

t.test('a signal leaves time and ends with 0', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    const asked: object[] = []
    const { own, exited, log } = processWith(async (how) => void asked.push(how))
    own.emit(signal, signal)
    t.equal(await exited, 0)
    t.same(asked, [{ atOnce: false }])
    t.same(messages(log), [`stopping on ${signal}`])
  }
})

t.test('a process that broke is not kept alive by who listens for it', async (t) => {
  const { own } = processWith(never)
  t.same(
    ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGABRT', 'SIGTRAP'].filter((name) => own.listenerCount(name)),
    [],
  )
})

t.test('an error that nobody caught leaves no time, is told once and ends with 1', async (t) => {
  const asked: object[] = []
  const { own, exited, log } = processWith(async (how) => void asked.push(how))
  const error = new Error('on purpose')
  own.emit('uncaughtException', error)
  own.emit('uncaughtException', new Error('of the end'))
  t.equal(await exited, 1)
  t.same(asked, [{ atOnce: true }])
  t.match(log.lines, [
    { level: 'error', message: 'stopping after an error that nobody caught', facts: { err: error } },
  ])
})

t.test('an error while it stops hurries it, and counts', async (t) => {
  const asked: object[] = []
  let stopped = () => {}
  const stopping = new Promise<void>((resolve) => {
    stopped = resolve
  })
  const { own, exited } = processWith((how) => {
    asked.push(how)
    if (how.atOnce) stopped()
    return stopping
  })
  own.emit('SIGTERM', 'SIGTERM')
  own.emit('uncaughtException', new Error('on purpose'))
  t.equal(await exited, 1)
  t.same(asked, [{ atOnce: false }, { atOnce: true }])
})

t.test('what fails or lasts while it stops does not keep it', async (t) => {
  const broken = processWith(async () => {
    throw new Error('on purpose')
  })
  broken.own.emit('SIGTERM', 'SIGTERM')
  t.equal(await broken.exited, 1)
  t.match(broken.log.lines.at(-1), { facts: { err: { message: 'on purpose' } } })

  const lasting = processWith(never, 60_000, 1)
  lasting.own.emit('SIGTERM', 'SIGTERM')
  lasting.own.emit('uncaughtException', new Error('which makes the grace period void'))
  t.equal(await lasting.exited, 1)
  t.match(lasting.log.lines.at(-1), { message: /took too long/ })
})

t.test('a second signal ends at once, unless it is the first once more', async (t) => {
  const { own, exited, log, clock } = processWith(never, 0)
  own.emit('SIGINT', 'SIGINT')
  clock.now += 900
  own.emit('SIGINT', 'SIGINT')
  t.same(messages(log), ['stopping on SIGINT'])
  clock.now += 200
  own.emit('SIGINT', 'SIGINT')
  t.equal(await exited, 1)
})

t.test('a command is told of the first signal, and not ended by the same one once more', (t) => {
  const reason = new Error('on purpose')
  const exit = t.capture(process, 'exit', () => {})
  const listeners = process.listenerCount('SIGINT')
  const { signal, forget } = firstSignal(['SIGINT', 'SIGTERM'], reason)
  t.notOk(signal.aborted)
  const clock = t.capture(performance, 'now', () => 5000)
  process.emit('SIGTERM')
  t.equal(signal.reason, reason)
  clock.restore()
  const soon = t.capture(performance, 'now', () => 5900)
  process.emit('SIGINT')
  soon.restore()
  t.same(exit(), [])
  const late = t.capture(performance, 'now', () => 6100)
  process.emit('SIGINT')
  late.restore()
  t.match(exit(), [{ args: [130] }])
  forget()
  t.equal(process.listenerCount('SIGINT'), listeners)
  t.end()
})
