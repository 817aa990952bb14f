/** The service serves on and ends in order, whatever becomes of the reader of its log. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { healthyService, untilHealthy, untouched } from '../support/service.ts'

const manyLines = 1000

async function ask(url: string, count: number): Promise<void> {
  for (let asked = 0; asked < count; asked += 1)
    await (await fetch(`${url}/nowhere`, { method: 'POST' })).text()
}

t.test('a reader that leaves', async (t) => {
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir())
  const service = await healthyService(t, { MODEL_PATH, MODEL_NAME, ENGINE_PATH })
  service.process.stdout?.destroy()
  await ask(service.url, 3)
  await untilHealthy(service.url)
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})

t.test('a reader that stands still', async (t) => {
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir())
  const service = await healthyService(t, { MODEL_PATH, MODEL_NAME, ENGINE_PATH })
  service.process.stdout?.pause()
  // More than a pipe holds.
  await ask(service.url, manyLines)
  await untilHealthy(service.url)
  service.process.kill('SIGTERM')
  t.equal(await service.exited, 0)
})

t.test('a disk that is full', async (t) => {
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir())
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const PORT = String((other.address() as AddressInfo).port)
  await new Promise((resolve) => other.close(resolve))
  const child = spawn('env', [...untouched, process.execPath, 'dist/main.js'], {
    cwd: packageRoot,
    env: { PATH: process.env.PATH, MODEL_PATH, MODEL_NAME, ENGINE_PATH, PORT },
    stdio: ['ignore', openSync('/dev/full', 'w'), 'inherit'],
  })
  const exited = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  await untilHealthy(`http://127.0.0.1:${PORT}`)
  child.kill('SIGTERM')
  t.same(await exited, [0, null])
})
