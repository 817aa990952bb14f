/** One process, here a few lines of shell. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { engineBuild, engineProgram, isExecutable, startEngine } from '../../src/engine/child.ts'

/** An executable in a folder of the test's own. */
function program(t: Test, script: string): { path: string; folder: string } {
  const folder = t.testdir()
  const path = join(folder, 'llama-server')
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
  return { path, folder }
}

function started(t: Test, script: string, words: string[] = [], environment: Record<string, string> = {}) {
  const { path, folder } = program(t, script)
  const heard: string[] = []
  let hearFirst = () => {}
  const saidSomething = new Promise<void>((resolve) => {
    hearFirst = resolve
  })
  const child = startEngine(path, { arguments: words, environment }, folder, (line) => {
    heard.push(line)
    hearFirst()
  })
  t.teardown(() => child.kill())
  return { child, heard, folder, saidSomething }
}

t.test('gets its words and its environment, and nothing else of ours', async (t) => {
  process.env.SECRET_OF_OURS = 'secret'
  t.teardown(() => delete process.env.SECRET_OF_OURS)
  const { child, folder } = started(
    t,
    'printf "%s\\n" "$@"; pwd; env | grep -E "secret|^(GIVEN|HOME)="; cat',
    ['--a', 'b c'],
    {
      PATH: '/usr/bin:/bin',
      GIVEN: '1',
    },
  )
  const { exitCode, signal, lines } = await child.ended
  t.match({ exitCode, signal }, { exitCode: 0, signal: undefined }, 'and no input to wait for')
  t.strictSame(lines.slice(0, 3), ['--a', 'b c', folder])
  t.ok(lines.includes('GIVEN=1'))
  t.notMatch(lines.join('\n'), /secret|HOME=/)
})

t.test(
  'both of its outputs are heard; only the last lines are kept, and not all of a long one',
  async (t) => {
    const { child, heard } = started(
      t,
      'i=0; while [ $i -lt 150 ]; do i=$((i+1)); echo "line $i"; done; printf "%0600d\\n" 7 >&2',
      [],
      { PATH: '/usr/bin:/bin' },
    )
    const { lines } = await child.ended
    t.equal(heard.length, 151)
    t.equal(heard.find((line) => line.startsWith('0'))?.length, 600)
    t.equal(lines.length, 100)
    t.equal(lines.find((line) => line.startsWith('0'))?.length, 500)
    t.notOk(lines.includes('line 51'))
    t.ok(lines.includes('line 150'))
  },
)

t.test('however much it says over the months, nobody keeps it or ends it for that', async (t) => {
  const { path, folder } = program(t, 'yes "$(printf %0100000d 7)" | head -c 110000000')
  const command = { arguments: [], environment: { PATH: '/usr/bin:/bin' } }
  let heard = 0
  const { ended } = startEngine(path, command, folder, (line) => {
    heard += line.length + 1
  })
  t.match(await ended, { exitCode: 0, signal: undefined })
  t.ok(heard >= 110_000_000, 'all of it is heard')
})

t.test('how it ended is told: by a code or a signal', async (t) => {
  t.strictSame(await started(t, 'exit 9').child.ended, { exitCode: 9, signal: undefined, lines: [] })
  t.strictSame(await started(t, 'kill -SEGV $$').child.ended, {
    exitCode: undefined,
    signal: 'SIGSEGV',
    lines: [],
  })
})

t.test('is asked to stop, or made to', async (t) => {
  const patient = 'trap "exit 7" TERM; echo up; while :; do sleep 0.05; done'
  const asked = started(t, patient, [], { PATH: '/usr/bin:/bin' })
  await asked.saidSomething
  asked.child.stop()
  t.match(await asked.child.ended, { exitCode: 7 })
  const made = started(t, patient, [], { PATH: '/usr/bin:/bin' })
  t.type(made.child.pid, 'number')
  await made.saidSomething
  made.child.kill()
  t.match(await made.child.ended, { signal: 'SIGKILL' })
})

t.test('what cannot be started ends with a word on why', async (t) => {
  const none = startEngine('/nowhere/llama-server', { arguments: [], environment: {} }, t.testdir(), () => {})
  t.match((await none.ended).lines.join('\n'), /llama-server/)
  const nowhere = startEngine('/bin/true', { arguments: [], environment: {} }, '/no/such/folder', () => {})
  t.equal(nowhere.pid, undefined)
  const { exitCode, signal, lines } = await nowhere.ended
  t.match({ exitCode, signal }, { exitCode: undefined, signal: undefined })
  t.match(lines.join('\n'), /no\/such\/folder|ENOENT/)
})

t.test('tells its version and the code it chose for this processor', async (t) => {
  const script = (words: string) =>
    `case "$*" in
      --version) echo "version: ${words}" >&2 ;;
      "--verbosity 5 --list-devices") echo "load_backend: loaded CPU backend from /x/y/libggml-cpu-haswell.so" ;;
    esac`
  t.strictSame(await engineBuild(program(t, script('5 (abc)')).path), {
    version: '5 (abc)',
    variant: 'libggml-cpu-haswell.so',
  })
  t.strictSame(await engineBuild(program(t, 'echo hello').path), { version: 'unknown', variant: undefined })
  await t.rejects(engineBuild('/nowhere/llama-server'), /ENOENT/)
  await t.rejects(engineBuild(program(t, 'exit 1').path), /exit code 1/)
})

t.test("the set-up's engine is taken unless another is named", async (t) => {
  t.equal(engineProgram({ ENGINE_PATH: '/opt/llama-server' }), '/opt/llama-server')
  t.equal(engineProgram({ ENGINE_PATH: '' }), join(packageRoot, '.engine/bin/llama-server'))
  const { path, folder } = program(t, '')
  t.ok(isExecutable(path))
  writeFileSync(join(folder, 'plain'), '')
  t.notOk(isExecutable(join(folder, 'plain')))
  t.notOk(isExecutable(join(folder, 'nothing')))
})
