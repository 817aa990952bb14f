/** Strangers hold as many connections as they can: the engine, its restarts and honest clients have theirs all the same. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { png } from '../support/images.ts'
import { speak } from '../support/raw-http.ts'
import { infer, runService, untilHealthy } from '../support/service.ts'
import { until } from '../support/until.ts'

t.test('connections beyond the descriptors harm neither the engine nor its restart', async (t) => {
  const service = await runService(t, {}, { limits: '-n 512' })
  await untilHealthy(service.url)
  const port = Number(new URL(service.url).port)
  const held = () => readdirSync(`/proc/${service.process.pid}/fd`).length
  for (const first of ['GARBAGE\r\n\r\n', '', 'GET /health HTTP/1.1\r\nHost: a\r\n'])
    for (let count = 0; count < 300; count += 1) speak(t, port, first)
  await until(
    () => service.logged.some(({ msg }) => /connections are refused/.test(String(msg))),
    'the bound',
  )
  t.ok(held() < 512 - 128, `${held()} descriptors are taken`)
  process.kill(engineOf(service.process.pid), 'SIGKILL')
  await until(() => service.logged.some(({ msg }) => /engine starting.*killed/.test(String(msg))), 'the news')
  const { engine } = await untilHealthy(service.url)
  t.equal(engine.restarts, 1, 'the engine that was killed, and no other')
  const image = (await png()).toString('base64')
  t.equal((await infer(service.url, { prompt: 'colour?', image })).status, 200)
})

function engineOf(pid = 0): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number)
  const engine = children.find((child) =>
    readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('llama-server'),
  )
  if (engine === undefined) throw new Error('The service has no engine')
  return engine
}
