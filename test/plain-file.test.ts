import { execFileSync } from 'node:child_process'
import { constants, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openPlain } from '../src/plain-file.ts'

const { O_CREAT, O_RDONLY, O_RDWR } = constants

t.test('a plain file is opened, and one that is not there is made', async (t) => {
  const folder = t.testdir({ old: 'content' })
  const old = await openPlain(join(folder, 'old'), O_RDWR)
  t.equal(await old.readFile('utf8'), 'content')
  await old.close()
  const made = await openPlain(join(folder, 'made'), O_RDWR | O_CREAT)
  await made.writeFile('new')
  await made.close()
  t.equal(readFileSync(join(folder, 'made'), 'utf8'), 'new')
  await t.rejects(openPlain(join(folder, 'gone'), O_RDONLY), { code: 'ENOENT' })
  await t.rejects(openPlain(join(folder, 'old/file'), O_RDONLY), { code: 'ENOTDIR' })
})

t.test('what else bears the name is told apart, at once, and left alone', async (t) => {
  const folder = t.testdir({ theirs: 'content' })
  const at = (name: string) => join(folder, name)
  symlinkSync(at('theirs'), at('link'))
  symlinkSync(at('nowhere'), at('dangling'))
  mkdirSync(at('folder'))
  execFileSync('mkfifo', [at('pipe')])
  // Sockets have short paths.
  const short = mkdtempSync(join(tmpdir(), 'plain-'))
  const server = createServer().listen(join(short, 'socket'))
  t.teardown(() => {
    server.close()
    rmSync(short, { recursive: true })
  })
  await new Promise((resolve) => server.once('listening', resolve))
  const refused = async () => {
    for (const flags of [O_RDONLY, O_RDWR, O_RDWR | O_CREAT]) {
      for (const [name, what] of [
        ['link', 'it is a link'],
        ['dangling', 'it is a link'],
        ['folder', 'it is a folder'],
        ['pipe', 'it is a named pipe'],
        [join(short, 'socket'), 'it is a socket'],
        ['/dev/null', 'it is a device'],
        ['/dev/stdout', 'it is a link'],
      ] as const) {
        const path = name.startsWith('/') ? name : at(name)
        await t.rejects(openPlain(path, flags), { message: what }, `${name}, ${flags}`)
      }
    }
  }
  await refused()
  linkSync(at('theirs'), at('second'))
  for (const name of ['theirs', 'second'])
    await t.rejects(openPlain(at(name), O_RDWR), /second name/, 'a write to one is a write to both')
  const read = await openPlain(at('second'), O_RDONLY)
  t.equal(await read.readFile('utf8'), 'content')
  await read.close()
})
