/** One run: what the end of the process means, and that nothing of it stays. */
import { EventEmitter, getEventListeners } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { loadConfig } from '../../src/config.ts'
import type { startEngine } from '../../src/engine/child.ts'
import type { EngineClient } from '../../src/engine/client.ts'
import { type Run, runEngine } from '../../src/engine/run.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { engineInProcess } from '../support/engine-in-process.ts'
import { keptLog, quickTimings } from '../support/fake-engine.ts'
import type { FakeStart } from '../support/fake-llama.ts'
import { someModel } from '../support/model-facts.ts'

function running(t: Test, fault: FakeStart = '', changed: Partial<Run> = {}) {
  const { starts, startProcess } = engineInProcess(fault)
  const stopping = new AbortController()
  const events = new EventEmitter()
  const log = keptLog()
  let client: EngineClient | undefined
  const end = runEngine({
    ...{ program: '/engine', startProcess, model: someModel(), threads: 1, log, visionCheck: 'off' },
    settings: modelSettings(loadConfig({ MODEL_NAME: 'tiny.gguf' })),
    times: quickTimings,
    stopping: stopping.signal,
    onLoading: (started, pid) => {
      client = started
      events.emit('loading', pid)
    },
    onReady: () => events.emit('ready'),
    onAnswered: () => events.emit('answered'),
    onLost: () => events.emit('lost'),
    ...changed,
  })
  t.teardown(async () => {
    stopping.abort()
    await end.catch(() => {})
  })
  const once = (event: string) => new Promise((resolve) => events.once(event, resolve))
  return {
    end,
    starts,
    stopping,
    log,
    ready: once('ready'),
    loading: once('loading'),
    lost: once('lost'),
    client: () => client,
  }
}

t.test('from loading to ready to its end, and nothing stays', async (t) => {
  const { end, starts, stopping, log, loading, ready, client } = running(t)
  t.equal(await loading, starts[0]?.pid)
  await ready
  t.ok(existsSync(starts[0]?.folder ?? ''))
  t.match(
    log.lines.find(({ message }) => message === 'model found'),
    { facts: { architecture: 'llama', threads: 1 } },
  )
  stopping.abort()
  t.match(await end, { retry: 'backoff' })
  t.strictSame(starts[0]?.asked, ['stop'])
  t.notOk(existsSync(starts[0]?.folder ?? ''))
  t.equal(getEventListeners(stopping.signal, 'abort').length, 0)
  await t.rejects(async () => void (await client()?.health()), /destroyed/, 'its connections are closed')
})

t.test('the end of the process tells whether a restart helps', async (t) => {
  const killed = running(t)
  await killed.ready
  // Whoever tidies up temporary folders may have been there.
  rmSync(killed.starts[0]?.folder ?? '', { recursive: true })
  killed.starts[0]?.end({ signal: 'SIGKILL' })
  t.match(await killed.end, { sentence: /was killed/, retry: 'backoff' })
  t.strictSame(killed.starts[0]?.asked, [], 'it went by itself')
  t.match(await running(t, 'unknown-architecture').end, {
    sentence: 'The engine does not know models of the architecture mllama',
    retry: 'when files change',
  })
})

t.test(
  'an engine that breaks off in the middle of a request is ended at once, before anybody looks',
  async (t) => {
    const times = { ...quickTimings, watch: 1e8 }
    const { end, starts, ready, client, lost } = running(t, '', { times })
    await ready
    const content = [{ type: 'text' as const, text: 'fault:wedge' }]
    const body = { messages: [{ role: 'user' as const, content }], max_tokens: 8, temperature: 0 }
    const chat = client()?.chat(body, new AbortController().signal, () => {})
    await t.rejects(async () => {
      for await (const _ of chat ?? []);
    })
    await lost
    t.match(await end, { sentence: /broke off its work/, retry: 'soon' })
    t.strictSame(starts[0]?.asked, ['kill'])
  },
)

t.test('an engine that cannot do is ended', async (t) => {
  const { end, starts } = running(t, 'blind')
  t.match(await end, { sentence: /without its vision projector/, retry: 'when files change' })
  t.strictSame(starts[0]?.asked, ['kill'])
})

t.test('a fault that was the first sign of an end is told as that end', async (t) => {
  const { end, starts, loading } = running(t, 'blind', { times: { ...quickTimings, lastWords: 60_000 } })
  await loading
  // Time for the fault to be found; without it there is only the end, and the sentence is the same.
  await sleep(200)
  starts[0]?.end({ signal: 'SIGILL' })
  t.match(await end, { sentence: /built for another CPU/, retry: 'when files change' })
})

t.test('a service that stops while the folder is made ends what it has just started', async (t) => {
  const stopped = AbortSignal.abort()
  const { end, starts } = running(t, '', { stopping: stopped })
  await end
  t.strictSame(starts[0]?.asked, ['stop'])
})

t.test('what cannot even be started leaves nothing behind', async (t) => {
  let made = ''
  const startProcess: typeof startEngine = (_program, _command, folder) => {
    made = folder
    throw new Error('no more processes')
  }
  await t.rejects(running(t, '', { startProcess }).end, /no more processes/)
  t.match(made, /llama-vision/)
  t.notOk(existsSync(made))
})

t.test('a fault of our own that breaks off a run leaves no engine behind', async (t) => {
  const onLoading = () => {
    throw new Error('a fault of our own')
  }
  const { end, starts, stopping } = running(t, '', { onLoading })
  await t.rejects(end, /of our own/)
  t.strictSame(starts[0]?.asked, ['kill'])
  t.notOk(existsSync(starts[0]?.folder ?? ''))
  t.equal(getEventListeners(stopping.signal, 'abort').length, 0)
})

t.test('its lines are logged, and those that a person should know of are told', async (t) => {
  const talkative: typeof startEngine = (_program, _command, _folder, onLine) => {
    onLine('I just a line')
    onLine('W embeddings of absent tiles are not zero')
    const ended = Promise.resolve({ exitCode: 0, signal: undefined, lines: [] })
    return { pid: 1, ended, stop() {}, kill() {} }
  }
  const { end, log } = running(t, '', { startProcess: talkative })
  await end
  t.match(
    log.lines.filter(({ message, level }) => message === 'engine' || level === 'warn'),
    [
      { level: 'debug', facts: { line: 'I just a line' } },
      { level: 'debug', facts: { line: /absent tiles/ } },
      { level: 'warn', message: /small pictures take up to/ },
    ],
  )
})
