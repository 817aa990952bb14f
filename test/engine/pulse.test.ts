/** Work as the kernel counts it, of real processes; and how long ago it was, of made-up ones. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { pulseOf, type Work, watchWork } from '../../src/engine/pulse.ts'

function program(t: Test, ...words: string[]) {
  const child = spawn(words[0] ?? '', words.slice(1), { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  return pulseOf(child.pid)
}

t.test('what the kernel counts is read by its place, whatever the program is called', async (t) => {
  // The name may hold what ends it, and figures.
  const stat = '7 (a) b (1 2 3) S 1 7 7 0 -1 4194560 500 0 3 0 30 12 100 200 20 0 9 0 555 1000 200\n'
  const io =
    'rchar: 1000\nwchar: 7\nsyscr: 1\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 9\ncancelled_write_bytes: 0\n'
  const root = t.testdir({
    proc: { 7: { stat, io }, 8: { stat }, 9: { stat, io: 'xrchar: 5\nrchar: 5x\n' } },
  })
  t.strictSame(await pulseOf(7, root)(), { cpuMs: 420, bytesRead: 5096 })
  t.strictSame(
    await pulseOf(8, root)(),
    { cpuMs: 420, bytesRead: 0 },
    'the kernel keeps to itself what it read',
  )
  t.strictSame(await pulseOf(9, root)(), { cpuMs: 420, bytesRead: 0 })
})

t.test('a process that computes shows it, one that sleeps does not', async (t) => {
  const busy = program(t, 'sh', '-c', 'while :; do :; done')
  const asleep = program(t, 'sleep', '1000')
  const before = await asleep()
  while (((await busy())?.cpuMs ?? 0) < 50) await sleep(10)
  t.equal((await asleep())?.cpuMs, before?.cpuMs)
})

t.test('reading counts, too', async (t) => {
  const reading = program(
    t,
    'sh',
    '-c',
    'while sleep 0.01; do cat /proc/self/cmdline; read -r _ </proc/version; done',
  )
  const first = (await reading())?.bytesRead ?? 0
  while (((await reading())?.bytesRead ?? 0) <= first) await sleep(10)
  t.pass('more bytes')
})

t.test('nothing is known of a process that is gone or never was', async (t) => {
  t.equal(await pulseOf(undefined)(), undefined)
  t.equal(await pulseOf(99_999_999)(), undefined)
})

/** Looks at a process whose work is as told; the clock goes on by itself. */
function looks(t: Test, ...work: (Work | undefined)[]) {
  const clock = { now: 0 }
  const real = performance.now
  performance.now = () => clock.now
  t.teardown(() => {
    performance.now = real
  })
  const watched = watchWork(async () => work.shift())
  return (now: number) => {
    clock.now = now
    return watched.idleMs()
  }
}

const idle: Work = { cpuMs: 100, bytesRead: 10 }

t.test('how long it has not worked', async (t) => {
  const idleMs = looks(t, idle, idle, { ...idle, cpuMs: 120 }, { ...idle, cpuMs: 150 })
  t.equal(await idleMs(0), 0)
  t.equal(await idleMs(1000), 1000)
  t.equal(await idleMs(2000), 2000, 'a fiftieth of the time is no work')
  t.equal(await idleMs(3000), 0)
})

t.test('reading without computing is work', async (t) => {
  const read = (bytes: number): Work => ({ ...idle, bytesRead: idle.bytesRead + bytes })
  const idleMs = looks(t, idle, read(100_000), read(150_000))
  await idleMs(0)
  t.equal(await idleMs(1000), 0)
  t.equal(await idleMs(2000), 1000, 'what it hears and reads while it only waits is no work')
})

t.test('where the kernel tells nothing, nobody is called idle', async (t) => {
  const idleMs = looks(t, undefined, undefined)
  await idleMs(0)
  t.equal(await idleMs(60_000), 0)
})
