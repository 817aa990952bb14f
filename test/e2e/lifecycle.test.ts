/** The service as a process: starts, refuses, drains, stops, and leaves no engine behind. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png } from '../support/images.ts'
import {
  health,
  healthyService,
  infer,
  runService,
  untilHealthy,
  untilInside,
  untouched,
} from '../support/service.ts'
import { until } from '../support/until.ts'

const image = png().then((bytes) => bytes.toString('base64'))

/** Processes whose parent or grandparent is `pid`. */
function childrenOf(pid: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]) === pid
      } catch {
        return false
      }
    })
    .map(Number)
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

const engineOf = (pid: number | undefined) =>
  childrenOf(pid).find((child) => commandOf(child).includes('--mmproj'))

t.test('SIGTERM ends the service with 0 and the engine with it', async (t) => {
  const service = await healthyService(t)
  const engine = engineOf(service.process.pid)
  t.ok(engine, 'there is an engine')
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
  t.equal(commandOf(engine ?? 0), '', 'the engine is gone')
})

/** Short, so that the engine's socket fits. */
function temporaryFolder(t: Test): string {
  const folder = mkdtempSync('/tmp/life-')
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test('no engine survives a service that is killed, nor does its folder', async (t) => {
  const TMPDIR = temporaryFolder(t)
  const service = await healthyService(t, { TMPDIR })
  const engine = engineOf(service.process.pid) ?? 0
  t.match(commandOf(engine), /llama-server/)
  t.equal(readdirSync(TMPDIR).length, 1)
  service.process.kill('SIGKILL')
  await service.exited
  await until(() => commandOf(engine) === '', 'the end of the engine')
  await until(() => readdirSync(TMPDIR).length === 0, 'the end of its folder')
})

t.test('SIGUSR1 opens no debugger', async (t) => {
  const tell = "console.log(JSON.stringify({ debugger: url() ?? 'closed' }))"
  const preload = `import { url } from 'node:inspector'; process.on('SIGWINCH', () => ${tell})`
  const service = await runService(t, {}, { preload })
  service.process.kill('SIGUSR1')
  // Whatever a signal does was done by then.
  for (let count = 0; count < 3; count += 1) await health(service.url)
  service.process.kill('SIGWINCH')
  await until(() => service.logged.some((line) => 'debugger' in line), 'the word about the debugger')
  t.match(
    service.logged.find((line) => 'debugger' in line),
    { debugger: 'closed' },
  )
})

t.test('a killed engine comes back, and the restart is told', async (t) => {
  const service = await healthyService(t)
  process.kill(engineOf(service.process.pid) ?? 0, 'SIGKILL')
  await until(() => service.logged.some(({ msg }) => /engine starting.*killed/.test(String(msg))), 'the news')
  const waiting = await infer(service.url, { prompt: 'colour?', image: await image })
  t.equal(waiting.status, 200, 'who asks meanwhile waits for it')
  const up = await untilHealthy(service.url)
  t.equal(up.engine.restarts, 1)
  t.equal((await infer(service.url, { prompt: 'colour?', image: await image })).status, 200)
})

t.test('a model that is not there leaves the service up with a reason', async (t) => {
  const folder = t.testdir({ 'other.gguf': '' })
  const service = await runService(t, { MODEL_NAME: 'x.gguf', MODEL_PATH: folder })
  let answer = await health(service.url)
  while (answer.body.engine.state !== 'failed') answer = await health(service.url)
  t.equal(answer.status, 503)
  t.equal(
    answer.body.reason,
    `${folder}/x.gguf not found; the folder holds: other.gguf. Set MODEL_NAME to one of them or put the model there`,
  )
  t.equal((await fetch(`${service.url}/livez`)).status, 200)
})

/** A service whose fake engine takes four seconds over `fault:slow`. */
async function slowService(t: Test, env: Record<string, string> = {}) {
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir())
  const service = await healthyService(t, { MODEL_PATH, MODEL_NAME, ENGINE_PATH, ...env })
  const slow = async (signal?: AbortSignal) =>
    infer(service.url, { prompt: 'fault:slow', image: await image }, signal)
  return { service, slow }
}

t.test('requests under way may finish after SIGTERM; new ones are refused', async (t) => {
  const { service, slow } = await slowService(t)
  const running = slow()
  await untilInside(service.url, 1)
  service.process.kill('SIGTERM')
  await until(() => service.logged.some(({ msg }) => /stopping/.test(String(msg))), 'the signal')
  const late = await infer(service.url, { prompt: 'hello', image: await image })
  t.match(late, { status: 503, body: { error_type: 'system', details: { code: 'shutting_down' } } })
  t.equal((await running).status, 200)
  t.equal(await service.exited, 0)
})

t.test('what does not finish within the grace period gets a typed 503', async (t) => {
  const { service, slow } = await slowService(t, { SHUTDOWN_GRACE: '1' })
  const running = slow()
  await untilInside(service.url, 1)
  service.process.kill('SIGTERM')
  t.match(await running, { status: 503, body: { details: { code: 'shutting_down' } } })
  t.equal(await service.exited, 0)
})

t.test('two signals of one Ctrl-C are one', async (t) => {
  const { service, slow } = await slowService(t)
  const running = slow()
  await untilInside(service.url, 1)
  service.process.kill('SIGINT')
  await until(() => service.logged.some(({ msg }) => /stopping/.test(String(msg))), 'the signal')
  service.process.kill('SIGINT')
  t.equal((await running).status, 200)
  t.equal(await service.exited, 0)
})

t.test('a second signal ends the service at once, and nothing stays', async (t) => {
  const TMPDIR = temporaryFolder(t)
  const { service } = await slowService(t, { TMPDIR })
  const running = infer(service.url, { prompt: 'fault:stall', image: await image }).catch(() => 'cut off')
  await untilInside(service.url, 1)
  service.process.kill('SIGTERM')
  await until(() => service.logged.some(({ msg }) => /stopping/.test(String(msg))), 'the signal')
  await sleep(1100)
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 1)
  t.equal(await running, 'cut off')
  await until(() => readdirSync(TMPDIR).length === 0, 'the end of the folder')
})

t.test('a full waiting room refuses at once; a client that leaves makes room', async (t) => {
  const { service, slow } = await slowService(t, { QUEUE_SIZE: '1' })
  const first = new AbortController()
  const second = new AbortController()
  const running = slow(first.signal).catch(() => 'gone')
  await untilInside(service.url, 1)
  const waiting = slow(second.signal).catch(() => 'gone')
  await untilInside(service.url, 1, 1)
  const refused = await slow()
  t.match(refused, { status: 429, body: { error_type: 'system', details: { code: 'queue_full', limit: 1 } } })
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  await untilInside(service.url, 1, 1)
  second.abort()
  t.equal(await waiting, 'gone')
  // The service hears of it a little later.
  await untilInside(service.url, 1)
  first.abort()
  t.equal(await running, 'gone')
  const next = await infer(service.url, { prompt: 'hello', image: await image })
  t.equal(next.status, 200, 'the slot came back when the engine let go')
})

t.test('a request past its deadline is answered 504', async (t) => {
  const { slow } = await slowService(t, { REQUEST_TIMEOUT: '1' })
  t.match(await slow(), { status: 504, body: { details: { code: 'deadline_exceeded', limit: 1 } } })
})

t.test('an engine that breaks on a request is a 500, and the service goes on', async (t) => {
  const { service } = await slowService(t)
  const broken = await infer(service.url, { prompt: 'fault:crash', image: await image })
  t.match(broken, { status: 500, body: { error_type: 'model', details: { code: 'engine_crashed' } } })
  await until(() => service.logged.some(({ msg }) => /Trying again/.test(String(msg))), 'the restart')
  await untilHealthy(service.url)
  t.equal((await infer(service.url, { prompt: 'hello', image: await image })).status, 200)
})

t.test('wrong settings are all named, and end the start', async (t) => {
  await t.rejects(runService(t, { SLOTS: 'many', PORT: '99999' }), /The service ended/)
  const env = { PATH: process.env.PATH, SLOTS: 'many', PORT: '99999' }
  const command = [...untouched, process.execPath, 'dist/main.js', 'serve']
  const { status, stderr } = spawnSync('env', command, { cwd: packageRoot, env, encoding: 'utf8' })
  t.equal(status, 1)
  t.match(stderr, 'PORT must be an integer from 0 to 65535, got "99999"')
  t.match(stderr, 'SLOTS must be an integer from 1 to 64, got "many"')
})
