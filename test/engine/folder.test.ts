import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { makeEngineFolder } from '../../src/engine/folder.ts'

t.test('the folder is private, and leftovers of the dead are cleared away', async (t) => {
  // The place must be short: the test's own folder would be too deep for a socket.
  const place = `/tmp/folder-test-${process.pid}`
  mkdirSync(place)
  t.teardown(() => rmSync(place, { recursive: true }))
  // Process ids end at 2^22 on Linux.
  const dead = join(place, 'llama-vision-99999999-abc')
  const living = join(place, `llama-vision-${process.ppid}-abc`)
  const foreign = join(place, 'llama-vision-notes')
  for (const folder of [dead, living, foreign]) mkdirSync(folder)
  writeFileSync(join(dead, 'engine.sock'), '')
  const made = await makeEngineFolder(place)
  t.equal(dirname(made), place)
  t.equal(statSync(made).mode & 0o777, 0o700)
  t.notOk(existsSync(dead))
  t.ok(existsSync(living) && existsSync(foreign))
})

t.test('a temporary folder too deep for a socket is not used', async (t) => {
  const made = await makeEngineFolder(`/${'deep/'.repeat(20)}`)
  t.teardown(() => rmSync(made, { recursive: true }))
  t.match(made, /^\/tmp\/llama-vision-\d+-/)
})
