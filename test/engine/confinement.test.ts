/** An engine that tries every way out, and the real one told to fetch a picture: nobody is reached. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { engineProgram, startEngine } from '../../src/engine/child.ts'
import { createEngineClient } from '../../src/engine/client.ts'
import { confined, confinement } from '../../src/engine/confinement.ts'
import { socketName } from '../../src/engine/folder.ts'
import { type Canaries, canaries } from '../support/canaries.ts'
import { LlamaServer } from '../support/llama-server.ts'
import { until } from '../support/until.ts'

const confine = join(packageRoot, 'dist/engine/confine')
/** Short, for a socket, and open to any user. */
const place = mkdtempSync('/tmp/confinement-')
chmodSync(place, 0o755)
t.teardown(() => rmSync(place, { recursive: true, force: true }))

const burglar = join(place, 'burglar')
t.before(() => {
  const source = join(packageRoot, 'test/support/burglar.cpp')
  const { status, stderr } = spawnSync('c++', ['-std=c++17', '-O1', source, '-o', burglar], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
})

type Scene = { words: string[]; inside: string; listeners: Canaries }

/** Somebody to call, somebody to look into, and folders of the burglar's own and of others. */
async function scene(t: Test, name: string, user = process.getuid?.() ?? 0): Promise<Scene> {
  const folder = join(place, name)
  const [outside, inside] = [join(folder, 'outside'), join(folder, 'inside')]
  for (const made of [folder, outside, inside]) mkdirSync(made, { mode: 0o777 })
  for (const made of [outside, inside]) chmodSync(made, 0o777)
  for (const file of ['there', 'there-too']) writeFileSync(join(outside, file), 'words')
  chmodSync(join(outside, 'there'), 0o666)
  const listeners = await canaries(t, folder)
  const victim = spawn('sleep', ['600'], { stdio: 'ignore', ...(user === 0 ? {} : { uid: user, gid: user }) })
  t.teardown(() => victim.kill('SIGKILL'))
  const { port, path, abstractName } = listeners
  const words = [String(port), path, abstractName, String(victim.pid), outside, inside]
  return { words, inside, listeners }
}

const outcomes = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]))

/** What each try must end with where this version of Landlock is, 0 for none. */
function expected(landlock: number): Record<string, string | RegExp> {
  const network = ['tcp4', 'tcp6', 'udp', 'netlink', 'listen-tcp', 'unix', 'unix-abstract', 'io_uring']
  const datagrams = ['unix-sendto', 'unix-sendmsg', 'unix-sendmmsg']
  const processes = ['process_vm_readv', 'process_vm_writev', 'pidfd_getfd', 'ptrace']
  const refused = [...network, ...datagrams, ...processes]
  const byLandlock = [
    ...[
      'its-memory',
      'its-environment',
      'change-outside',
      'write-outside',
      'mkdir-outside',
      'remove-outside',
    ],
    ...(landlock >= 3 ? ['truncate-outside'] : []),
  ]
  return {
    ...Object.fromEntries(refused.map((name) => [name, 'EACCES'])),
    ...(landlock >= 1 ? Object.fromEntries(byLandlock.map((name) => [name, 'EACCES'])) : {}),
    ...(landlock >= 6 ? { signal: 'EPERM' } : {}),
    // A kernel may have no table for 32-bit programs.
    ...(process.arch === 'x64' ? { 'socket-of-i386': /^(EACCES|none)$/, 'socket-of-x32': 'EACCES' } : {}),
    inherited: 'EBADF',
    ...Object.fromEntries(
      ['read-outside', 'write-inside', 'write-null', 'listen-unix'].map((name) => [name, 'ok']),
    ),
    'core-limit': '0',
    session: 'own',
  }
}

const nobodyCalled = { tcp4: 0, tcp6: 0, udp: 0, unix: 0, abstract: 0 }
const landlock = async () => Number(/Landlock (\d+)/.exec((await confinement()).sentence)?.[1] ?? 0)

t.test('whoever is not confined gets out by these ways, so that the tests below say something', async (t) => {
  const { words, listeners } = await scene(t, 'free')
  const { stdout } = spawnSync(burglar, words, { encoding: 'utf8' })
  const open = ['tcp4', 'udp', 'unix', 'unix-abstract', 'netlink', 'write-outside', 'its-environment']
  for (const name of open) t.equal(outcomes(stdout.split('\n'))[name], 'ok', name)
  await until(() => listeners.calls.tcp4 * listeners.calls.unix * listeners.calls.abstract === 1, 'the calls')
})

t.test('an engine that tries reaches nobody', async (t) => {
  const { words, inside, listeners } = await scene(t, 'engine')
  const said: string[] = []
  const command = { arguments: words, environment: {} }
  const { exitCode } = await startEngine(burglar, command, inside, (line) => said.push(line)).ended
  t.equal(exitCode, 0)
  t.match(outcomes(said), expected(await landlock()))
  t.same(listeners.calls, nobodyCalled)
})

t.test('the same for a user without rights, who is what it is in a container', async (t) => {
  const root = process.getuid?.() === 0
  const uid = root ? 65_534 : process.getuid?.()
  const { words, inside, listeners } = await scene(t, 'nobody', uid)
  const program = join(place, 'confine')
  copyFileSync(confine, program)
  const child = spawn(program, [String(process.pid), inside, burglar, ...words], {
    ...(root ? { uid: 65_534, gid: 65_534 } : {}),
    // The tenth descriptor is what a careless parent leaves open.
    stdio: ['ignore', 'pipe', ...Array(8).fill('pipe')],
  })
  let said = ''
  child.stdout?.on('data', (piece) => {
    said += piece
  })
  t.same(await once(child, 'close'), [0, null])
  t.match(outcomes(said.split('\n')), expected(await landlock()))
  t.same(listeners.calls, nobodyCalled)
})

t.test('root is left with the right to read what others own', { skip: process.getuid?.() !== 0 }, (t) => {
  const inside = join(place, 'capabilities')
  mkdirSync(inside)
  const [program, words] = confined('/bin/cat', ['/proc/self/status'], inside)
  // Some containers hand rights on that root would get back with the next program.
  const { stdout } = spawnSync('setpriv', ['--inh-caps', '+net_raw', program, ...words], { encoding: 'utf8' })
  t.match(stdout, /^CapInh:\t0*$/m)
  t.match(stdout, /^CapPrm:\t0*4$/m)
  t.match(stdout, /^CapBnd:\t0*4$/m)
  t.match(stdout, /^CapEff:\t0*4$/m)
  t.match(stdout, /^NoNewPrivs:\t1$/m)
  t.end()
})

t.test('it goes before the service when memory runs out', (t) => {
  const inside = join(place, 'score')
  mkdirSync(inside)
  const score = (program: string, words: string[]) => Number(spawnSync(program, words).stdout.toString())
  const asked = ['/proc/self/oom_score_adj']
  t.equal(score(...confined('/bin/cat', asked, inside)), Math.min(1000, score('/bin/cat', asked) + 200))
  t.end()
})

t.test('nothing is started for a parent that has gone', (t) => {
  const { status, stdout } = spawnSync(confine, ['1', place, '/bin/echo', 'started'], { encoding: 'utf8' })
  t.same({ status, stdout }, { status: 1, stdout: '' })
  const [program, words] = confined('/nowhere/engine', [], place)
  const failed = spawnSync(program, words, { encoding: 'utf8' })
  t.match(failed, { status: 127, stderr: /^\/nowhere\/engine could not be started: No such file/ })
  t.end()
})

const demo = join(packageRoot, 'models/demo/demo-q4_k_m.gguf')
const fetching = (port: number) => ({
  messages: [
    {
      role: 'user' as const,
      content: [
        { type: 'text' as const, text: 'What is it?' },
        { type: 'image_url' as const, image_url: { url: `http://127.0.0.1:${port}/picture.png` } },
      ],
    },
  ],
  max_tokens: 1,
  temperature: 0,
})

t.test('the real engine fetches no picture, whatever it is asked', async (t) => {
  const folder = join(place, 'real')
  mkdirSync(folder)
  const { port, calls } = await canaries(t, folder)
  const free = await LlamaServer.start(t, ['--model', demo, '--ctx-size', '512'])
  await free.post('/v1/chat/completions', fetching(port))
  t.ok(calls.tcp4 > 0, 'it would')
  await free.stop()
  calls.tcp4 = 0

  const socket = join(folder, socketName)
  const words = ['--model', demo, '--ctx-size', '512', '--host', socket, '--threads', '1', '--offline']
  const command = { arguments: words, environment: { HOME: folder } }
  const child = startEngine(
    engineProgram({ ENGINE_PATH: process.env.ENGINE_PATH ?? '' }),
    command,
    folder,
    () => {},
  )
  t.teardown(() => child.kill())
  const client = createEngineClient(socket)
  t.teardown(() => client.close())
  let healthy = false
  while (!healthy)
    healthy = await client.health().then(
      (status) => status === 200,
      () => false,
    )
  const asked = client.chat(fetching(port), new AbortController().signal, () => {})
  await t.rejects(asked.next(), { name: 'Failure' })
  t.same(calls, nobodyCalled)
})

t.test('it holds here', async (t) => {
  t.match(await confinement(), {
    holds: true,
    sentence: /^the engine has no network \(seccomp\), .* dies with the service$/,
  })
})
