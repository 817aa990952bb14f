/** Pulls side by side. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
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
  t.strictSame(readdirSync(folder), ['model.gguf', 'model.gguf.origin.json', 'pulled.json'])
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
    problem(
      /^Another pull is fetching young\.gguf; wait for it or end it first. One that was killed .* after 15 seconds$/,
    ),
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

t.test('a list that cannot be written is told of at once', async (t) => {
  const folder = t.testdir()
  const lock = join(folder, `${pulledFile}.lock`)
  mkdirSync(lock)
  let isOver = false
  const waiting = recordPulled(folder, 'hf:a/b', ['m.gguf']).then(() => {
    isOver = true
  })
  await t.rejects(
    recordPulled(join(folder, 'gone'), 'hf:a/b', ['m.gguf']),
    problem(/pulled\.json\.lock cannot be written: there is no such file or folder/),
  )
  t.notOk(isOver, 'before one that waits for another')
  rmdirSync(lock)
  await waiting
})

t.test('a list whose writer was killed is waited for until its lock is old', async (t) => {
  const folder = t.testdir()
  const lock = join(folder, `${pulledFile}.lock`)
  mkdirSync(lock)
  const almostOld = Date.now() / 1000 - 13
  utimesSync(lock, almostOld, almostOld)
  await recordPulled(folder, 'hf:a/b', ['m.gguf'])
  t.strictSame(readdirSync(folder), [pulledFile])
})

/** A pull of which the first half of `file` has come; the rest comes after `release`. */
async function halfPulled(t: Test, file: File) {
  const half = file.bytes.length / 2
  let release = () => {}
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'HEAD') return sendFile(file, request, response)
    response.writeHead(200, { 'content-length': file.bytes.length }).write(file.bytes.subarray(0, half))
    release = () => response.end(file.bytes.subarray(half))
  })
  const { folder, progress, run } = puller(t)
  const outcome = run(`${url}/model.gguf`)
  await until(() => progress.at(-1)?.doneBytes === half, 'the first half')
  return { folder, outcome, release: () => release() }
}

t.test('a pull that was taken for dead ends when it sees that another has its lock', async (t) => {
  const { folder, outcome } = await halfPulled(t, { bytes: someGguf(100_000) })
  const lock = join(folder, 'model.gguf.part.lock')
  rmdirSync(lock)
  mkdirSync(lock)
  await t.rejects(outcome, problem(/model\.gguf\.part\.lock was taken over by another pull; begin again/))
  t.ok(existsSync(lock), "the other's lock stays")
})

t.test('what another still writes into the part does not move what is fetched', async (t) => {
  const file: File = { bytes: someGguf(100_000) }
  const { folder, outcome, release } = await halfPulled(t, file)
  appendFileSync(join(folder, 'model.gguf.part'), someGguf(1000))
  release()
  await outcome
  t.ok(readFileSync(join(folder, 'model.gguf')).equals(file.bytes))
})

t.test('a part that is longer than the file is thrown away', async (t) => {
  const { folder, outcome, release } = await halfPulled(t, { bytes: someGguf(100_000) })
  appendFileSync(join(folder, 'model.gguf.part'), someGguf(60_000))
  release()
  await t.rejects(outcome, problem(/model\.gguf\.part was written to by something else and is thrown away/))
  t.strictSame(readdirSync(folder), [])
})
