/** The command, and what it shows. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pullCommand, pullProgress } from '../../src/cli/pull-command.ts'
import { hub, problem, serve, someGguf } from '../support/pull-server.ts'
import { until } from '../support/until.ts'

t.test('the command tells the setting for what it brought', async (t) => {
  const { env } = await hub(t, ['Vision-Q4_K_M.gguf', 'mmproj-F16.gguf'])
  const folder = join(t.testdir(), 'models/new')
  const told = t.capture(console, 'log')
  const drawn = t.capture(process.stderr, 'write')
  await pullCommand('hf:owner/Vision-GGUF', { ...env, MODEL_PATH: folder })
  await pullCommand('hf:owner/Vision-GGUF/mmproj-F16.gguf', { ...env, MODEL_PATH: folder })
  const lines = told().map(({ args }) => args[0])
  t.ok(drawn().length > 0)
  t.strictSame(lines, [
    `${folder} has Vision-Q4_K_M.gguf and mmproj-Vision-F16.gguf. To serve the model set:\nMODEL_NAME=Vision-Q4_K_M.gguf`,
    `${folder} has mmproj-Vision-F16.gguf. To serve the model set:\nMMPROJ_NAME=mmproj-Vision-F16.gguf`,
  ])
})

t.test('the command ends on a signal and keeps what came', async (t) => {
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'HEAD') return void response.writeHead(405).end()
    response.writeHead(200, { 'content-length': 100_000, etag: '"one"' }).write(someGguf(50_000))
  })
  const folder = t.testdir()
  t.capture(process.stderr, 'write')
  const pulling = pullCommand(`${url}/model.gguf`, { MODEL_PATH: folder })
  const part = join(folder, 'model.gguf.part')
  await until(() => existsSync(part) && statSync(part).size === 50_000, 'the part')
  process.emit('SIGINT')
  await t.rejects(pulling, problem(/^Stopped\. What has come is kept/))
  t.strictSame(readdirSync(folder).sort(), ['model.gguf.part', 'model.gguf.part.json'])
})

t.test('progress is one line a file on a terminal, and a line every tenth elsewhere', (t) => {
  let at = 0
  let screen = ''
  const stream = (isTTY: boolean) =>
    ({ isTTY, columns: 90, write: (text: string) => (screen += text) }) as unknown as NodeJS.WriteStream
  const show = (isTTY: boolean) => {
    screen = ''
    const { show, end } = pullProgress(stream(isTTY), () => at)
    for (const file of ['a.gguf', 'b.gguf']) {
      for (let step = 0; step <= 100; step += 1) {
        show({ file, doneBytes: step * 20_000_000, totalBytes: 2_000_000_000 })
        at += 1000
      }
      show({ file, doneBytes: 2_000_000_000, totalBytes: 2_000_000_000 })
    }
    end()
    return screen
  }
  const plain = show(false).trimEnd().split('\n')
  t.equal(plain.length, 22)
  t.match(plain[0], /^0 % of 2\.0 GB {2}a\.gguf$/)
  t.match(plain[1], /^10 % of 2\.0 GB {2}20\.0 MB\/s {2}1 min 30 s left {2}a\.gguf$/)
  t.match(plain[10], /^100 % of 2\.0 GB {2}a\.gguf$/)
  const terminal = show(true).split('\n')
  t.equal(terminal.length, 3, 'two lines and the end of the last')
  t.match(terminal[0], / 50 % of 2\.0 GB {2}20\.0 MB\/s {2}50 s left {2}a\.gguf/)
  screen = ''
  const anew = pullProgress(stream(false), () => (at += 1000))
  for (const doneBytes of [0, 500, 0, 1000]) anew.show({ file: 'c', doneBytes, totalBytes: 1000 })
  anew.show({ file: 'd', doneBytes: 0, totalBytes: 0 })
  t.notMatch(screen, /-/, 'starting anew is no negative rate')
  t.end()
})
