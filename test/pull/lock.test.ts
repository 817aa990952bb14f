/** Pulls side by side. */
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pulledFile } from '../../src/model/locate.ts'
import { recordPulled } from '../../src/pull/record.ts'
import { type File, problem, puller, sendFile, serve, someGguf } from '../support/pull-server.ts'
import { until } from '../support/until.ts'

t.test('two pulls of one file at a time are one too many', async (t) => {
  const file: File = { bytes: someGguf(100_000) }
  let release: (() => void) | undefined
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'HEAD') return sendFile(file, request, response)
    release = () => sendFile(file, request, response)
  })
  const { folder, run } = puller(t)
  const first = run(`${url}/model.gguf`)
  await until(() => existsSync(join(folder, 'model.gguf.part.lock')), 'the lock')
  await t.rejects(run(`${url}/model.gguf`), problem(/^Another pull is fetching model\.gguf/))
  await until(() => release !== undefined, 'the request')
  release?.()
  t.strictSame(await first, ['model.gguf'])
  t.strictSame(readdirSync(folder), ['model.gguf', 'pulled.json'])
})

t.test('a lock is believed while it is renewed, and taken over when it is old', async (t) => {
  const file: File = { bytes: someGguf(1000) }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  const { folder, run } = puller(t)
  const lock = (name: string, ageSeconds: number) => {
    const path = join(folder, `${name}.part.lock`)
    mkdirSync(path)
    const time = Date.now() / 1000 - ageSeconds
    utimesSync(path, time, time)
  }
  lock('young.gguf', 5)
  await t.rejects(
    run(`${url}/young.gguf`),
    problem(/^Another pull is fetching young\.gguf; wait for it or end it/),
  )
  lock('old.gguf', 60)
  t.ok(await run(`${url}/old.gguf`))
  t.notOk(existsSync(join(folder, 'old.gguf.part.lock')), 'and it is given back')
})

t.test('pulls that end at the same time are all recorded', async (t) => {
  const folder = t.testdir()
  const sources = Array.from({ length: 12 }, (_, index) => `hf:owner/repo-${index}:Q4_K_M`)
  await Promise.all(sources.map((source, index) => recordPulled(folder, source, [`${index}.gguf`])))
  const recorded = JSON.parse(readFileSync(join(folder, pulledFile), 'utf8'))
  t.same(Object.keys(recorded).sort(), sources.sort())
  t.same(readdirSync(folder), [pulledFile])
})
