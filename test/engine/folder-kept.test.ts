/** That the engine's folder is gone afterwards, whatever ends its use. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import t from 'tap'
import { withEngineFolder } from '../../src/engine/folder.ts'
import { until } from '../support/until.ts'

/** Processes that this one started and that still run. */
const children = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(process.pid)
    } catch {
      return false
    }
  })

t.test('it is there while it is used, and nothing stays', async (t) => {
  let used = ''
  const before = children().length
  const result = await withEngineFolder(async (folder) => {
    used = folder
    writeFileSync(join(folder, 'engine.sock'), '')
    t.equal(children().length, before + 1, 'somebody waits for our end')
    return 'done'
  })
  t.equal(result, 'done')
  t.notOk(existsSync(used))
  await until(() => children().length === before, 'the end of who waits')
})

t.test('a use that fails, or removes it itself, is no other', async (t) => {
  let used = ''
  const failing = withEngineFolder(async (folder) => {
    used = folder
    throw new Error('no more processes')
  })
  await t.rejects(failing, /no more processes/)
  t.notOk(existsSync(used))
  t.equal(await withEngineFolder(async (folder) => rmSync(folder, { recursive: true })), undefined)
})

t.test('who is killed with all of his group leaves nothing', async (t) => {
  // A place of its own, where nobody else clears up.
  const place = mkdtempSync('/tmp/kept-')
  const program = join(import.meta.dirname, `../support/uses-engine-folder${extname(import.meta.filename)}`)
  const user = spawn(process.execPath, [...process.execArgv, program], {
    detached: true,
    env: { ...process.env, TMPDIR: place },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => {
    user.kill('SIGKILL')
    rmSync(place, { recursive: true, force: true })
  })
  const [said] = (await once(user.stdout, 'data')) as [Buffer]
  const folder = said.toString().trim()
  t.equal(dirname(folder), place)
  writeFileSync(join(folder, 'engine.sock'), '')
  process.kill(-(user.pid ?? 0), 'SIGKILL')
  await until(() => !existsSync(folder), 'the folder to go')
})
