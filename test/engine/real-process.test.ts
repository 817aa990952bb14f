/** What only a process can show: signals, output, an end that nobody announced. The rest is in supervisor.test.ts. */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { superviseEngine } from '../../src/engine/supervisor.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { answer, fakeEngineConfig, keptLog, quickTimings } from '../support/fake-engine.ts'
import type { FakeStart } from '../support/fake-llama.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal

function start(t: Test, fault: FakeStart = '') {
  const log = keptLog()
  const config = fakeEngineConfig(t.testdir(), fault)
  const engine = superviseEngine(config, modelSettings(config), log, { times: quickTimings })
  t.teardown(() => engine.stop())
  return { engine, log }
}

const isGone = (t: Test, pid: number | undefined) =>
  t.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' }, 'the process is gone')

t.test('comes to ready, answers, stops without a trace', async (t) => {
  const { engine, log } = start(t)
  await engine.ready(never)
  const { pid } = engine.status()
  t.match((await answer(engine, 'hello')).at(-1), { type: 'end', usage: { total_tokens: 72 } })
  await engine.stop()
  isGone(t, pid)
  const command = log.lines.find((line) => line.message === 'engine command')?.facts.arguments as string[]
  const socket = command[command.indexOf('--host') + 1] ?? ''
  t.match(socket, /engine\.sock$/)
  t.notOk(existsSync(dirname(socket)), 'its folder is gone')
})

t.test('an engine that is killed in mid-answer is started again', async (t) => {
  const { engine } = start(t)
  await engine.ready(never)
  const { pid } = engine.status()
  await t.rejects(answer(engine, 'fault:crash'), { code: 'engine_crashed' })
  await until(() => engine.status().restarts === 1, 'a restart')
  isGone(t, pid)
  await engine.ready(never)
  t.equal((await answer(engine, 'hello')).length, 3)
})

t.test('an engine that stops answering is ended and started again', async (t) => {
  const { engine, log } = start(t)
  await engine.ready(never)
  const { pid } = engine.status()
  await t.rejects(answer(engine, 'fault:wedge'), { code: 'engine_crashed' })
  await until(() => engine.status().restarts === 1, 'a restart')
  isGone(t, pid)
  t.ok(log.lines.some(({ message }) => /stopped answering/.test(message)))
  await engine.ready(never)
})

t.test('what it says before it ends tells why it ended', async (t) => {
  const { engine } = start(t, 'unknown-architecture')
  await until(() => engine.status().state === 'failed', 'failed')
  t.equal(engine.status().reason, 'The engine does not know models of the architecture mllama')
})

t.test('an engine that ignores SIGTERM is killed', async (t) => {
  const { engine } = start(t, 'ignore-sigterm')
  await engine.ready(never)
  const { pid } = engine.status()
  await engine.stop()
  isGone(t, pid)
})
