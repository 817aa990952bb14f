import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { probe } from '../../src/cli/probe.ts'
import { startService } from '../../src/cli/serve.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png } from '../support/images.ts'
import { infer, untilHealthy, untilInside } from '../support/service.ts'

const log = pino({ level: 'silent' })

async function service(t: Test, env: Record<string, string> = {}) {
  const started = await startService(fakeEngineConfig(t.testdir(), '', env), log)
  t.teardown(() => started.stop())
  return started
}

t.test('all parts together answer a request', async (t) => {
  const { url } = await service(t)
  t.equal((await untilHealthy(url)).model_description, 'a model of headers')
  const image = (await png()).toString('base64')
  const { status, body } = await infer(url, { prompt: 'hello', image })
  t.equal(status, 200)
  t.match(body, {
    response_text: 'a fake answer',
    model: 'tiny.gguf',
    metadata: { image: { format: 'PNG', sent: { unchanged: true } }, tokens_per_second: 150 },
  })
})

t.test('stopping answers requests under way and ends everything', async (t) => {
  const { url, stop, engine } = await service(t, { SHUTDOWN_GRACE: '0' })
  await untilHealthy(url)
  const image = (await png()).toString('base64')
  const running = infer(url, { prompt: 'fault:slow', image })
  await untilInside(url, 1)
  const stopped = stop()
  t.match(await running, { status: 503, body: { details: { code: 'shutting_down' } } })
  await stopped
  t.equal(engine.status().state, 'stopping')
  await t.rejects(fetch(`${url}/livez`))
})

t.test('a connection on which nothing is asked does not hold up the end', async (t) => {
  const { url, stop } = await service(t)
  const silent = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => silent.destroy())
  await new Promise((resolve) => silent.once('connect', resolve))
  const closed = new Promise((resolve) => silent.once('close', resolve))
  await stop()
  await closed
})

t.test('a port that is taken ends the start, and the engine with it', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await new Promise((resolve) => other.once('listening', resolve))
  const { port } = other.address() as AddressInfo
  const config = fakeEngineConfig(t.testdir(), '', { PORT: String(port) })
  await t.rejects(startService(config, log), {
    name: 'ConfigError',
    message: `PORT is ${port}, where another program listens already (on 127.0.0.1); stop that or set another PORT`,
  })
})

t.test('a list with an entry that is none ends the start before an engine runs', async (t) => {
  // One that ran would keep this file from ending.
  for (const name of ['ALLOWED_HOSTS', 'TRUST_PROXY', 'IMAGE_URL_ALLOW']) {
    const config = fakeEngineConfig(t.testdir(), '', { [name]: 'https://a b' })
    await t.rejects(startService(config, log), { message: new RegExp(`^${name} holds https://a b;`) })
  }
})

t.test('probe tells healthy, unhealthy and absent apart', async (t) => {
  const { url } = await service(t)
  const { port } = new URL(url)
  await untilHealthy(url)
  t.strictSame(await probe({ PORT: port, HOST: '0.0.0.0' }), {
    url: `http://127.0.0.1:${port}`,
    healthy: true,
    message: 'healthy: tiny.gguf',
  })
  const lost = await service(t, { MODEL_NAME: 'lost.gguf' })
  const { healthy, message } = await probe({ PORT: new URL(lost.url).port })
  t.equal(healthy, false)
  t.match(message, /^unhealthy: /)
  t.match(await probe({ PORT: '1' }), {
    healthy: false,
    message: /^no answer from http:\/\/127\.0\.0\.1:1: /,
  })
})
