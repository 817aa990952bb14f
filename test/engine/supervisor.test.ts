import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Engine, superviseEngine } from '../../src/engine/supervisor.ts'
import type { ChatBody, ChatEvent } from '../../src/engine/wire.ts'
import { modelSettings } from '../../src/model/settings.ts'
import {
  type FakeStart,
  fakeEngineConfig,
  keptLog,
  quickTimings,
  writeModelPair,
} from '../support/fake-engine.ts'
import { until } from '../support/until.ts'

const never = new AbortController().signal

function start(t: Test, fault: FakeStart = '', env: Record<string, string> = {}, times = quickTimings) {
  const log = keptLog()
  const config = fakeEngineConfig(t.testdir(), fault, env)
  const engine = superviseEngine(config, modelSettings(config), log, { times })
  t.teardown(() => engine.stop())
  return { engine, log, config }
}

const ask = (text: string): ChatBody => ({
  messages: [{ role: 'user', content: [{ type: 'text', text }] }],
  max_tokens: 8,
  temperature: 0,
  top_p: 1,
})

async function answer(engine: Engine, text: string, signal = never): Promise<ChatEvent[]> {
  const events: ChatEvent[] = []
  for await (const event of engine.chat(ask(text), signal, () => {})) events.push(event)
  return events
}

t.test('comes to ready, answers, stops without a trace', async (t) => {
  const { engine, log } = start(t)
  t.equal(engine.status().state, 'starting')
  t.throws(() => engine.requireReady(), { code: 'engine_loading', status: 503, retryAfterSeconds: 5 })
  await engine.ready(never)
  t.match(engine.status(), {
    state: 'ready',
    reason: undefined,
    restarts: 0,
    model: { description: 'a model of headers' },
  })
  engine.requireReady()
  const events = await answer(engine, 'hello')
  t.match(events.at(-1), { type: 'end', finishReason: 'stop', usage: { total_tokens: 72 } })
  t.equal(events.map((event) => (event.type === 'text' ? event.text : '')).join(''), 'a fake answer')
  await engine.stop()
  t.equal(engine.status().state, 'stopping')
  t.throws(() => engine.requireReady(), { code: 'shutting_down' })
  const command = log.lines.find((line) => line.message === 'engine command')?.facts.arguments as string[]
  const socket = command[command.indexOf('--host') + 1] ?? ''
  t.match(socket, /engine\.sock$/)
  t.notOk(existsSync(dirname(socket)), 'its folder is gone')
})

t.test('an engine that takes its time is loading, and ready() waits for it', async (t) => {
  const { engine } = start(t, 'slow-load')
  await until(() => engine.status().state === 'loading', 'loading')
  t.match(engine.status().reason, /tiny\.gguf is loading/)
  const impatient = new AbortController()
  const waiting = engine.ready(impatient.signal)
  impatient.abort(new Error('enough'))
  await t.rejects(waiting, { message: 'enough' })
  await engine.ready(never)
})

t.test('a crash in mid-answer is an error, and the engine comes back', async (t) => {
  const { engine } = start(t)
  await engine.ready(never)
  await t.rejects(answer(engine, 'fault:crash'), { code: 'engine_crashed', status: 500 })
  await until(() => engine.status().restarts === 1, 'a restart')
  t.match(engine.status(), { reason: /killed.*Trying again in 1 s/ })
  await engine.ready(never)
  t.equal((await answer(engine, 'hello')).length, 3)
})

t.test('an engine that stops answering is ended and started again', async (t) => {
  const { engine } = start(t)
  await engine.ready(never)
  await t.rejects(answer(engine, 'fault:wedge'), { code: 'engine_crashed' })
  await until(() => engine.status().restarts === 1, 'a restart')
  t.match(engine.status().reason, /stopped answering/)
  await engine.ready(never)
})

t.test('what a restart cannot mend does not loop, but is looked at again when files change', async (t) => {
  const { engine, config, log } = start(t, 'unknown-architecture')
  await until(() => engine.status().state === 'failed', 'failed')
  t.equal(engine.status().reason, 'The engine does not know models of the architecture mllama')
  t.throws(() => engine.requireReady(), { code: 'engine_failed', retryAfterSeconds: 60 })
  await t.rejects(engine.ready(never), { code: 'engine_failed' })
  await sleep(500)
  const starts = () => log.lines.filter((line) => line.message.startsWith('engine loading')).length
  t.equal(starts(), 1)
  t.equal(engine.status().restarts, 0)
  writeFileSync(join(config.MODEL_PATH, 'new.gguf'), 'x')
  await until(() => starts() === 2, 'another look')
})

t.test('a missing model is named, and found once it is there', async (t) => {
  const { engine, config } = start(t, '', { MODEL_NAME: 'tiny.gguf' })
  await engine.ready(never)
  await engine.stop()
  rmSync(join(config.MODEL_PATH, 'tiny.gguf'))
  const second = superviseEngine(config, modelSettings(config), keptLog(), { times: quickTimings })
  t.teardown(() => second.stop())
  await until(() => second.status().state === 'failed', 'failed')
  t.match(second.status().reason, /tiny\.gguf not found; the folder holds: tiny-mmproj\.gguf/)
  writeModelPair(config.MODEL_PATH)
  await until(() => second.status().state === 'ready', 'ready')
})

t.test('crashes in a row back off, then count as failed while tries go on', async (t) => {
  const { engine } = start(t, 'crash', {}, { ...quickTimings, crashLimit: 3 })
  await until(() => engine.status().state === 'failed', 'failed')
  t.match(engine.status().reason, /exit code 3; its last words: E something odd happened\. Trying again/)
  const { restarts } = engine.status()
  t.equal(restarts, 3)
  await until(() => engine.status().restarts > restarts, 'another try')
})

t.test('an engine without eyes or with another model is not ready', async (t) => {
  const blind = start(t, 'blind').engine
  await until(() => blind.status().state === 'failed', 'failed')
  t.match(blind.status().reason, /without its vision projector/)
  await blind.stop()
  const other = start(t, 'other-model').engine
  await until(() => other.status().state === 'failed', 'failed')
  t.match(other.status().reason, /serves other\.gguf instead of tiny\.gguf/)
})

t.test('an engine that is slow to tell what it is gets asked again, and is not given up', async (t) => {
  const { engine, log } = start(t, 'silent-at-first')
  await engine.ready(never)
  t.equal(engine.status().restarts, 0)
  t.ok(log.lines.some(({ message }) => /did not tell what it has loaded .*; asking again/.test(message)))
})

t.test('an engine that never tells what it is, or cannot answer, is started again', async (t) => {
  const silent = start(t, 'silent').engine
  await until(() => silent.status().restarts === 1, 'a restart')
  t.match(silent.status().reason, /did not tell what it has loaded .*Trying again in/)
  await silent.stop()
  const dumb = start(t, 'no-answers').engine
  await until(() => dumb.status().restarts === 1, 'a restart')
  t.match(dumb.status().reason, /could not answer a first small picture .*Trying again in/)
})

t.test('a model that cannot fit is refused with the arithmetic, unless told otherwise', async (t) => {
  const { engine } = start(t, '', { CONTEXT_SIZE: '1048576', SLOTS: '64', PROMPT_CACHE_MIB: '1000000' })
  await until(() => engine.status().state === 'failed', 'failed')
  t.match(engine.status().reason, /needs about .* GiB .*prompt cache 976\.6 GiB.* but .* has .* GiB/)
  await engine.stop()
  const forced = start(t, '', { PROMPT_CACHE_MIB: '1000000', MEMORY_CHECK: 'off' })
  await forced.engine.ready(never)
  t.ok(forced.log.lines.some((line) => line.level === 'warn' && /needs about/.test(line.message)))
})

t.test('a missing engine program is named', async (t) => {
  const { engine } = start(t, '', { ENGINE_PATH: '/nowhere/llama-server' })
  await until(() => engine.status().state === 'failed', 'failed')
  t.match(engine.status().reason, /\/nowhere\/llama-server is missing/)
})

t.test('an engine that ignores SIGTERM is killed', async (t) => {
  const { engine } = start(t, 'ignore-sigterm')
  await engine.ready(never)
  const { pid = 0 } = engine.status()
  await engine.stop()
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
})

t.test('what the engine refuses is told in our words, without its paths', async (t) => {
  const { engine } = start(t)
  await engine.ready(never)
  await t.rejects(answer(engine, 'fault:context'), {
    code: 'context_exceeded',
    facts: { actual: 5000, limit: 2048 },
  })
  const refusals = [
    ['picture', 'image_refused'],
    ['broken', 'engine_error'],
    ['no-json', 'engine_error'],
    ['stream-error', 'engine_error'],
    ['cut', 'engine_crashed'],
  ] as const
  for (const [fault, code] of refusals) {
    const error = await answer(engine, `fault:${fault}`).catch((thrown) => thrown)
    t.equal(error.code, code, fault)
    t.notMatch(error.message, /secret/, fault)
  }
})

t.test(
  'an abort stops the stream at once, and the slot counts as taken until the engine let go',
  async (t) => {
    const { engine, log } = start(t)
    await engine.ready(never)
    const caller = new AbortController()
    let settled = false
    const events = engine.chat(ask('fault:slow'), caller.signal, () => {
      settled = true
    })
    await events.next()
    caller.abort(new Error('gone'))
    await t.rejects(events.next(), { message: 'gone' })
    t.equal(settled, false)
    await until(() => settled, 'settled')
    t.ok(log.lines.some((line) => line.facts.line === 'fake: client gone'))
    t.equal((await answer(engine, 'hello')).length, 3)
  },
)
