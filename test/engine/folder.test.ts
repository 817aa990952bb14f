import { existsSync, mkdirSync, readlinkSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { makeEngineFolder, socketName } from '../../src/engine/folder.ts'

/** The place must be short: the test's own folder would be too deep for a socket. */
function shortPlace(t: Test, name: string): string {
  const place = `/tmp/${name}-${process.pid}`
  mkdirSync(place)
  t.teardown(() => rmSync(place, { recursive: true }))
  return place
}

/** Beyond what Linux counts to, so nobody's. */
const nobody = 99_999_999
const twoHoursAgo = Date.now() / 1000 - 7200

t.test('the folder is private, and leftovers of the dead are cleared away', async (t) => {
  const place = shortPlace(t, 'folder-test')
  const dead = join(place, `llama-vision-here-${nobody}-abc`)
  const living = join(place, `llama-vision-here-${process.ppid}-abc`)
  const foreign = join(place, 'llama-vision-notes')
  for (const folder of [dead, living, foreign]) mkdirSync(folder)
  writeFileSync(join(dead, socketName), '')
  const made = await makeEngineFolder(place, 'here')
  t.equal(dirname(made), place)
  t.equal(statSync(made).mode & 0o777, 0o700)
  t.ok(`${made}/${socketName}`.length + 58 - place.length <= 107, 'a socket fits, however deep the place')
  t.notOk(existsSync(dead))
  t.ok(existsSync(living) && existsSync(foreign))
})

t.test('another container is believed to live while somebody listens, or may be about to', async (t) => {
  const place = shortPlace(t, 'shared-test')
  const folder = (name: string, old: boolean) => {
    const path = join(place, `llama-vision-there-${nobody}-${name}`)
    mkdirSync(path)
    return { path, age: () => old && utimesSync(path, twoHoursAgo, twoHoursAgo) }
  }
  const listening = folder('listening', true)
  const server = createServer().listen(join(listening.path, socketName))
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  const young = folder('young', false)
  const deserted = folder('deserted', true)
  const killed = folder('killed', true)
  writeFileSync(join(killed.path, socketName), 'no socket any more')
  for (const { age } of [listening, young, deserted, killed]) age()
  await makeEngineFolder(place, 'here')
  t.ok(existsSync(listening.path), 'its engine answers')
  t.ok(existsSync(young.path), 'it may just be starting')
  t.notOk(existsSync(deserted.path))
  t.notOk(existsSync(killed.path))
})

t.test('this process is known by its id where that id means something', async (t) => {
  const place = shortPlace(t, 'own-test')
  const made = await makeEngineFolder(place)
  const own = /llama-vision-(\w+)-\d+-/.exec(made)?.[1]
  const namespace = Number(/\[(\d+)\]/.exec(readlinkSync('/proc/self/ns/pid'))?.[1])
  t.equal(own, namespace.toString(36), 'no other namespace is called so')
  const dead = join(place, `llama-vision-${own}-${nobody}-abc`)
  mkdirSync(dead)
  const second = await makeEngineFolder(place)
  t.ok(existsSync(made), 'its other engine is left alone')
  t.notOk(existsSync(dead))
  t.not(second, made)
})

t.test('an id that was given to somebody else does not keep a leftover', async (t) => {
  const place = shortPlace(t, 'reused-test')
  const leftover = join(place, `llama-vision-here-${process.ppid}-old`)
  mkdirSync(leftover)
  utimesSync(leftover, twoHoursAgo, twoHoursAgo)
  await makeEngineFolder(place, 'here')
  t.notOk(existsSync(leftover))
})

t.test('a process of another user, whom we may not signal, is alive', async (t) => {
  const place = shortPlace(t, 'user-test')
  const foreign = join(place, 'llama-vision-here-1-abc')
  mkdirSync(foreign)
  t.intercept(process, 'kill', {
    value: () => {
      throw Object.assign(new Error('not yours'), { code: 'EPERM' })
    },
  })
  await makeEngineFolder(place, 'here')
  t.ok(existsSync(foreign))
})

t.test('where there is no place, that is told', async (t) => {
  await t.rejects(makeEngineFolder('/no/such/place'), { code: 'ENOENT', syscall: 'mkdtemp' })
})

t.test('what lies in the place without being a folder of ours stays', async (t) => {
  const place = shortPlace(t, 'odd-test')
  const names = [`x-llama-vision-here-${nobody}-a`, `llama-vision-here-${nobody}x-a`, 'llama-vision--1-a']
  for (const name of names) mkdirSync(join(place, name))
  const file = `llama-vision-there-${nobody}-file`
  names.push(file)
  writeFileSync(join(place, file), '')
  utimesSync(join(place, file), twoHoursAgo, twoHoursAgo)
  await makeEngineFolder(place, 'here')
  for (const name of names) t.ok(existsSync(join(place, name)), name)
})

t.test('a temporary folder is used up to the depth that a socket has room for', async (t) => {
  const deepest = shortPlace(t, `deep-${'x'.repeat(58 - `/tmp/deep--${process.pid}`.length)}`)
  t.equal(deepest.length, 58)
  const made = await makeEngineFolder(deepest)
  t.equal(dirname(made), deepest)
  const server = createServer().listen(join(made, socketName))
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
})

t.test('a temporary folder too deep for a socket is not used', async (t) => {
  for (const parent of [`/${'deep/'.repeat(20)}`, `/${'x'.repeat(58)}`, `/${'é'.repeat(29)}`]) {
    const made = await makeEngineFolder(parent)
    t.teardown(() => rmSync(made, { recursive: true }))
    t.match(made, /^\/tmp\/llama-vision-\w+-\d+-/, parent)
  }
})
