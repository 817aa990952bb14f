import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openRegular, readSmall } from '../../src/model/regular-file.ts'

t.test('a file is opened, through links too', async (t) => {
  const folder = t.testdir({ file: 'hello' })
  symlinkSync('file', join(folder, 'link'))
  for (const name of ['file', 'link']) {
    const { file, bytes } = await openRegular(join(folder, name))
    t.equal(bytes, 5)
    await file.close()
  }
})

t.test('what is no file is told and not waited for, through links too', async (t) => {
  const folder = t.testdir()
  execFileSync('mkfifo', [join(folder, 'pipe')])
  mkdirSync(join(folder, 'folder'))
  // Its path may be 107 bytes long.
  const elsewhere = mkdtempSync(join(tmpdir(), 'socket-'))
  const socket = createServer().listen(join(elsewhere, 's'))
  await once(socket, 'listening')
  t.teardown(() => socket.close(() => rmSync(elsewhere, { recursive: true })))
  symlinkSync(join(elsewhere, 's'), join(folder, 'socket'))
  symlinkSync('/dev/zero', join(folder, 'device'))
  symlinkSync('pipe', join(folder, 'link'))
  const kinds = {
    pipe: 'a named pipe',
    link: 'a named pipe',
    folder: 'a folder',
    socket: 'a socket',
    device: 'a device',
  }
  for (const [name, kind] of Object.entries(kinds)) {
    const path = join(folder, name)
    const problem = { name: 'ModelProblem', message: `${path} is ${kind}, not a file` }
    await t.rejects(openRegular(path), problem)
    await t.rejects(readSmall(path, 10), problem)
  }
  symlinkSync('loop', join(folder, 'loop'))
  await t.rejects(openRegular(join(folder, 'loop')), { message: /cannot be read \(ELOOP\)/ })
  await t.rejects(openRegular(join(folder, 'nothing')), { message: /cannot be read \(ENOENT\)/ })
})

t.test('a small file is read whole, a large one not at all', async (t) => {
  const folder = t.testdir({ small: 'für' })
  t.equal(await readSmall(join(folder, 'small'), 4), 'für')
  writeFileSync(join(folder, 'large'), Buffer.alloc(5))
  await t.rejects(readSmall(join(folder, 'large'), 4), {
    name: 'ModelProblem',
    message: /large has 5 bytes, where 4 at most make sense/,
  })
})
