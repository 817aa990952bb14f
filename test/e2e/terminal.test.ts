/** A Ctrl-C in a terminal, which every process of its group gets, and which npm passes on once more. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { fakeEngineConfig } from '../support/fake-engine.ts'
import { png } from '../support/images.ts'
import { infer, memoryEnv, untilHealthy, untilInside, untouched } from '../support/service.ts'
import { until } from '../support/until.ts'

const program = '/usr/bin/script'
const skip = existsSync(program) ? false : `no ${program} here (Debian: bsdutils)`

/** What `script` runs has a terminal of its own, whose keyboard is the input of `script`. */
function inTerminal(t: Test, command: string, env: Record<string, string> = {}) {
  const { PATH, HOME, XDG_CACHE_HOME, LLAMA_VISION_CACHE, ENGINE_PATH } = process.env
  const child = spawn('env', [...untouched, program, '-qefc', command, '/dev/null'], {
    cwd: packageRoot,
    env: { PATH, HOME, XDG_CACHE_HOME, LLAMA_VISION_CACHE, ENGINE_PATH, ...memoryEnv, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const terminal = { text: '', press: (key: string) => void child.stdin.write(key) }
  child.stdout.on('data', (bytes) => {
    terminal.text += bytes
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { terminal, exited }
}

const ctrlC = '\u0003'

t.test('one Ctrl-C under npm start lets the answers come that are under way', { skip }, async (t) => {
  const { MODEL_PATH, MODEL_NAME, ENGINE_PATH } = fakeEngineConfig(t.testdir())
  const env = { MODEL_PATH, MODEL_NAME, ENGINE_PATH, PORT: '0', THREADS: '1' }
  const { terminal, exited } = inTerminal(t, 'exec npm start', env)
  const address = /listening at (http:\/\/[\w.:]+)/
  await until(() => address.test(terminal.text), 'the service')
  const url = address.exec(terminal.text)?.[1] ?? ''
  await untilHealthy(url)
  const running = infer(url, { prompt: 'fault:slow', image: (await png()).toString('base64') })
  await untilInside(url, 1)
  terminal.press(ctrlC)
  t.match(await running, { status: 200 })
  t.equal(await exited, 0)
})

t.test('one Ctrl-C under npm run demo ends it in order', { skip }, async (t) => {
  const { terminal, exited } = inTerminal(t, 'exec npm run demo')
  await until(() => terminal.text.includes('demo: starting the service'), 'the demo')
  terminal.press(ctrlC)
  await exited
  t.notMatch(terminal.text, /error|\.ts:\d|answer:/i)
})

t.test('wrong settings end the start in a terminal as elsewhere', { skip }, async (t) => {
  const env = { IMAGE_URL_ALLOW: 'http//x', SLOTS: '1.5', MODEL_NAME: 'demo', PORT: '0' }
  const { terminal, exited } = inTerminal(t, `exec ${process.execPath} dist/main.js serve`, env)
  t.equal(await exited, 1)
  t.same(terminal.text.trim().split(/[\r\n]+/), [
    'SLOTS must be an integer from 1 to 64, got "1.5"',
    'IMAGE_URL_ALLOW holds http//x; entries look like example.com, *.example.com, * or http://example.com:8080',
  ])
})
