/** What the set-up of an installed package leaves, here with engines that are a few lines of shell. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { placesOf } from '../../src/engine/places.ts'
import { runScript } from '../../src/setup/script.ts'
import { setUp } from '../../src/setup/setup.ts'
import {
  archiveOf,
  madeUpConfine,
  madeUpEngine,
  madeUpServer,
  type Packed,
} from '../support/engine-archive.ts'
import { sha256 } from '../support/pull-server.ts'
import { until } from '../support/until.ts'

/** An installed package without a place of its own for the engine, and archives for its set-up. */
function installed(t: Test) {
  const folder = t.testdir()
  const places = placesOf(join(folder, 'package'), '1.0.0', { LLAMA_VISION_CACHE: join(folder, 'cache') })
  const told: string[] = []
  function run(entries: Packed[], env: NodeJS.ProcessEnv = { PATH: process.env.PATH }) {
    const bytes = archiveOf(entries)
    const path = join(folder, 'engine.tar.gz')
    writeFileSync(path, bytes)
    return setUp({
      env: { ...env, ENGINE_ARCHIVE: path, ENGINE_ARCHIVE_SHA256: sha256(bytes) },
      places,
      installPackages: false,
      progress: () => {},
      tell: (sentence) => told.push(sentence),
      signal: AbortSignal.timeout(20_000),
    })
  }
  return { folder, places, told, run }
}

t.test('the engine and what confines it have their places in the cache', async (t) => {
  const { folder, places, told, run } = installed(t)
  const program = await run(madeUpEngine())
  t.equal(program, join(folder, 'cache/set-up/1.0.0/engine/bin/llama-server'))
  t.equal(readFileSync(program, 'utf8'), madeUpServer())
  t.equal(readFileSync(places.confine, 'utf8'), madeUpConfine)
  t.same(readdirSync(dirname(places.confine)).sort(), ['confine', 'engine'])
  t.notOk(existsSync(join(folder, 'package')), 'the package itself stays as it is')
  t.same(told, [])
})

t.test('a cache that cannot be written to is told', async (t) => {
  const { folder, run } = installed(t)
  writeFileSync(join(folder, 'cache'), 'no folder')
  await t.rejects(run(madeUpEngine()), {
    name: 'SetUpProblem',
    message: /cache cannot be written to: .*Set LLAMA_VISION_CACHE/,
  })
})

t.test('another engine takes the place of the one before', async (t) => {
  const { places, run } = installed(t)
  await run(madeUpEngine())
  const before = readlinkSync(places.engine)
  const program = await run(madeUpEngine(madeUpServer('2.0.0')))
  t.match(readFileSync(program, 'utf8'), /2\.0\.0/)
  t.not(readlinkSync(places.engine), before)
  t.ok(existsSync(join(before, 'bin/llama-server')), 'which a service may be running')
})

t.test('where nothing confines the engine and nothing can compile it, that is told', async (t) => {
  const { folder, places, told, run } = installed(t)
  const without = madeUpEngine().filter(({ path }) => path !== 'confine')
  const compilers = join(folder, 'bin')
  mkdirSync(compilers)
  writeFileSync(join(compilers, 'c++'), '#!/bin/sh\nexit 1\n')
  chmodSync(join(compilers, 'c++'), 0o755)
  await run(without, { PATH: `${compilers}:${process.env.PATH}` })
  t.match(told, [/^The engine will have a network: .*build-confine\.sh failed/])
  t.notOk(existsSync(places.confine))
  await run(without)
  t.ok(existsSync(places.confine), 'compiled where a compiler is')
})

const script = (t: Test, text: string): string => {
  const path = join(t.testdir(), 'script.sh')
  writeFileSync(path, text)
  return path
}
const env = { PATH: process.env.PATH }

t.test('a script is answered with what it wrote, and its failure is an error', async (t) => {
  const signal = AbortSignal.timeout(20_000)
  t.equal(await runScript(script(t, 'echo "$1"'), ['a b'], { env, signal }), 'a b')
  await t.rejects(runScript(script(t, 'exit 3'), [], { env, signal }), {
    name: 'SetUpProblem',
    message: /script\.sh failed, see above/,
  })
  await t.rejects(runScript('any.sh', [], { env: { PATH: '/nowhere' }, signal }), {
    name: 'SetUpProblem',
    message: 'Missing: bash, which the set-up needs',
  })
})

t.test('who gives up waits for no compiler, and leaves none behind', async (t) => {
  const stop = new AbortController()
  const path = script(t, 'sleep 600 & echo $! >"$1"; wait')
  const told = join(t.testdirName, 'pid')
  const run = runScript(path, [told], { env, signal: stop.signal })
  await until(() => existsSync(told) && readFileSync(told, 'utf8') !== '', 'the script')
  const compiler = Number(readFileSync(told, 'utf8'))
  stop.abort(new Error('enough'))
  await t.rejects(run, /^Error: enough|enough/)
  await until(() => !isAlive(compiler), 'the end of what the script started')
  await t.rejects(runScript(path, [told], { env, signal: stop.signal }), /enough/)
})

/** What has ended and was not yet asked after has no command line. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}
