/** A fault of the service's own that nobody caught, made by code that is put into it: the end is in order all the same. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png } from '../support/images.ts'
import { healthyService, infer, untilInside } from '../support/service.ts'

/** A service that meets a fault at SIGWINCH while it works on a request that takes the engine four seconds. */
async function serviceWithFault(t: Test, fault: string) {
  // Short, so that the engine's socket fits.
  const temporary = mkdtempSync('/tmp/uncaught-')
  t.teardown(() => rmSync(temporary, { recursive: true, force: true }))
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir())
  const service = await healthyService(
    t,
    { MODEL_PATH, MODEL_NAME, ENGINE_PATH, TMPDIR: temporary },
    { preload: `process.on('SIGWINCH', () => { ${fault} })` },
  )
  const image = (await png()).toString('base64')
  const running = infer(service.url, { prompt: 'fault:slow', image })
  await untilInside(service.url, 1)
  service.process.kill('SIGWINCH')
  return { ...service, running, left: () => readdirSync(temporary) }
}

const faults = {
  'an error': "throw new Error('on purpose')",
  'a rejection': "void Promise.reject(new Error('on purpose'))",
  'a rejection without an error': "void Promise.reject('on purpose')",
  'an error again and again': "setInterval(() => { throw new Error('on purpose') }, 1)",
}

for (const [name, fault] of Object.entries(faults)) {
  t.test(`${name} that nobody catches ends the service in order`, async (t) => {
    const { running, exited, logged, left } = await serviceWithFault(t, fault)
    t.match(await running, { status: 503, body: { details: { code: 'shutting_down' } } })
    t.equal(await exited, 1)
    const told = logged.filter(({ msg }) => /nobody caught/.test(String(msg)))
    t.match(told, [{ level: 50, err: { message: /on purpose/, stack: /on purpose/ } }])
    t.equal(told.length, 1)
    t.same(left(), [], 'the engine took its folder along')
  })
}
