/** An engine that is given: whole, of the right hash and for this machine, or not at all. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { givenEngine } from '../../src/setup/given-engine.ts'
import { archiveOf, madeUpEngine, madeUpServer } from '../support/engine-archive.ts'
import { sendFile, serve, sha256 } from '../support/pull-server.ts'

const archive = archiveOf(madeUpEngine())

/** Gives engines to a cache of the test's own; `left` is what lies there, without what was unpacked whole. */
function cacheOf(t: Test) {
  const cache = join(t.testdir(), 'cache')
  const give = (archive: string, sha256: string | undefined) =>
    givenEngine({ archive, sha256, cache, progress: () => {}, signal: AbortSignal.timeout(20_000) })
  const left = () =>
    ['engine', 'download'].flatMap((name) =>
      existsSync(join(cache, name)) ? readdirSync(join(cache, name)) : [],
    )
  function file(bytes: Buffer): string {
    const path = join(t.testdirName, 'engine.tar.gz')
    writeFileSync(path, bytes)
    return path
  }
  return { cache, give, left, file }
}

const problem = (message: RegExp) => ({ name: 'SetUpProblem', message })

t.test('from a file, once', async (t) => {
  const { cache, give, left, file } = cacheOf(t)
  const hash = sha256(archive)
  const path = file(archive)
  const folder = await give(path, ` ${hash.toUpperCase()}\n`)
  t.equal(folder, join(cache, 'engine', `archive-${hash}`))
  t.equal(readFileSync(join(folder, 'bin/llama-server'), 'utf8'), madeUpServer())
  t.same(left(), [`archive-${hash}`], 'nothing else')
  t.equal(await give('/nowhere.tar.gz', hash), folder, 'it is there already')
})

t.test('from an address, and on where it was cut off', async (t) => {
  const { give, left } = cacheOf(t)
  const cut = { bytes: archive, etag: '"one"' }
  let answers = 0
  const { url, asked } = await serve(t, (request, response) => {
    answers += 1
    if (answers > 1) return sendFile(cut, request, response)
    response.writeHead(200, { 'content-length': archive.length, etag: '"one"' })
    response.write(archive.subarray(0, 100), () => response.destroy())
  })
  const folder = await give(`${url}/engine.tar.gz?token=secret`, sha256(archive))
  t.ok(existsSync(join(folder, 'bin/llama-server')))
  t.same(left(), [`archive-${sha256(archive)}`], 'what was fetched is not kept')
  t.ok(asked.length >= 2)
})

t.test('another hash: nothing is unpacked, and both are told', async (t) => {
  const { give, left, file } = cacheOf(t)
  const wrong = '0'.repeat(64)
  await t.rejects(
    give(file(archive), wrong),
    problem(
      new RegExp(`its SHA-256 is ${sha256(archive)}, and ENGINE_ARCHIVE_SHA256 says ${wrong}\\. Nothing`),
    ),
  )
  const { url } = await serve(t, (request, response) => sendFile({ bytes: archive }, request, response))
  await t.rejects(give(`${url}/engine.tar.gz`, wrong), {
    message: new RegExp(`checksum is wrong, sha256 ${sha256(archive)} and not ${wrong}`),
  })
  t.same(left(), [])
})

t.test('without a hash that is one, nothing is read', async (t) => {
  const { give, cache } = cacheOf(t)
  for (const hash of [undefined, '', 'abc', 'g'.repeat(64), sha256(archive).slice(1)])
    await t.rejects(
      give('/nowhere.tar.gz', hash),
      problem(/ENGINE_ARCHIVE_SHA256 must be the SHA-256 of the archive, 64 hex/),
    )
  t.notOk(existsSync(cache))
})

t.test('an engine that does not start here is not kept', async (t) => {
  const { give, left, file } = cacheOf(t)
  const tried = (entries: Parameters<typeof archiveOf>[0]) => {
    const bytes = archiveOf(entries)
    return give(file(bytes), sha256(bytes))
  }
  await t.rejects(tried(madeUpEngine(madeUpServer(), 'pdp11')), problem(/is for pdp11, this machine is /))
  const lacking = '#!/bin/sh\necho "error while loading shared libraries: libgomp.so.1" >&2\nexit 127\n'
  await t.rejects(tried(madeUpEngine(lacking)), problem(/does not start here: .*libgomp\.so\.1/))
  await t.rejects(
    tried(madeUpEngine().filter(({ path }) => path !== 'bin/llama-server')),
    problem(/does not start here: .*ENOENT/),
  )
  await t.rejects(
    tried(madeUpEngine().filter(({ path }) => path !== 'build.json')),
    problem(/does not tell what its engine is for \(build\.json\)/),
  )
  t.same(left(), [])
})

t.test('what is no file is told, and a link to one is followed', async (t) => {
  const { give, file } = cacheOf(t)
  const hash = sha256(archive)
  await t.rejects(give('/nowhere.tar.gz', hash), problem(/ENGINE_ARCHIVE cannot be read: .*ENOENT/))
  await t.rejects(give('/dev/null', hash), problem(/must be a file, but \/dev\/null is a device/))
  const folder = join(t.testdirName, 'folder')
  mkdirSync(folder)
  await t.rejects(give(folder, hash), problem(/ is a folder$/))
  const link = join(t.testdirName, 'link')
  symlinkSync(file(archive), link)
  t.ok(await give(link, hash))
})
