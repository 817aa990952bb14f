/** The command, and what it shows. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { setUpCommand } from '../../src/cli/setup-command.ts'
import { placesOf } from '../../src/engine/places.ts'
import { archiveOf, madeUpEngine } from '../support/engine-archive.ts'
import { sendFile, serve, sha256 } from '../support/pull-server.ts'

const bytes = archiveOf(madeUpEngine())

t.test('it tells how far the archive is, and what it is that it set up', async (t) => {
  const { url } = await serve(t, (request, response) => sendFile({ bytes }, request, response))
  const places = placesOf('/nowhere', '1.0.0', { LLAMA_VISION_CACHE: t.testdir() })
  const told = t.capture(console, 'log')
  const noted = t.capture(console, 'error')
  const drawn = t.capture(process.stderr, 'write')
  const env = { ENGINE_ARCHIVE: `${url}/engine.tar.gz?key=secret`, ENGINE_ARCHIVE_SHA256: sha256(bytes) }
  await setUpCommand(env, false, places)
  t.equal(
    told().at(-1)?.args[0],
    `The engine is ready: ${join(places.engine, 'bin/llama-server')}, version 1.2.3`,
  )
  t.match(noted().at(-1)?.args[0], /^setup: the engine has no network \(seccomp\), writes into its own/)
  const shown = drawn()
    .map(({ args }) => args[0])
    .join('')
  t.match(shown, /100 % .* http:\/\/127\.0\.0\.1:\d+\/engine\.tar\.gz/)
  t.notMatch(shown, 'secret')
})

t.test('it ends on a signal', async (t) => {
  const { url, asked } = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length }).write(bytes.subarray(0, 50), () => {
      process.emit('SIGTERM')
    })
  })
  const places = placesOf('/nowhere', '1.0.0', { LLAMA_VISION_CACHE: t.testdir() })
  t.capture(process.stderr, 'write')
  const env = { ENGINE_ARCHIVE: `${url}/engine.tar.gz`, ENGINE_ARCHIVE_SHA256: sha256(bytes) }
  await t.rejects(setUpCommand(env, false, places), /^Error: Stopped\. What is done is kept|^Stopped/)
  t.equal(asked.length, 1)
  t.notOk(existsSync(places.engine))
})
