/** The script that makes archives of engines: the same bytes from the same engine, and such as the set-up takes. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { machine } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'
import { confinement } from '../../src/engine/confinement.ts'
import { givenEngine } from '../../src/setup/given-engine.ts'
import { madeUpServer } from '../support/engine-archive.ts'
import { sha256 } from '../support/pull-server.ts'

const make = (target: string, engine: string): string =>
  execFileSync(join(packageRoot, 'scripts/engine-archive.sh'), [target, engine], { encoding: 'utf8' }).trim()

t.test(
  'the same engine, built elsewhere and later, is the same archive, and one that can be set up',
  async (t) => {
    const folder = t.testdir()
    const engine = join(folder, 'engine')
    for (const name of ['bin', 'licenses']) mkdirSync(join(engine, name), { recursive: true })
    writeFileSync(join(engine, 'bin/llama-server'), madeUpServer(), { mode: 0o755 })
    writeFileSync(join(engine, 'bin/libggml.so.0'), 'code')
    symlinkSync('libggml.so.0', join(engine, 'bin/libggml.so'))
    writeFileSync(join(engine, 'licenses/LICENSE-llama.cpp'), 'MIT')
    writeFileSync(
      join(engine, 'build.json'),
      `{ "key": "k", "architecture": "${machine()}", "options": "" }\n`,
    )
    const other = join(folder, 'other')
    cpSync(engine, other, { recursive: true, verbatimSymlinks: true })
    for (const name of ['bin/llama-server', 'build.json']) utimesSync(join(other, name), 1, 1)

    const [one, two] = [make(join(folder, 'one'), engine), make(join(folder, 'two'), other)]
    t.match(one, new RegExp(`/one/llama-vision-engine-v[\\d.]+-linux-${machine()}\\.tar\\.gz$`))
    const bytes = readFileSync(one)
    t.ok(bytes.equals(readFileSync(two)))
    const name = one.split('/').at(-1)
    t.same(readdirSync(join(folder, 'one')).sort(), [name, `${name}.sha256`])
    const [hash = '', named] = readFileSync(`${one}.sha256`, 'utf8').trim().split('  ')
    t.same([hash, named], [sha256(bytes), name], 'as sha256sum --check wants it')

    const cache = join(folder, 'cache')
    const signal = AbortSignal.timeout(20_000)
    const set = await givenEngine({ archive: one, sha256: hash, cache, progress: () => {}, signal })
    t.equal(readFileSync(join(set, 'bin/libggml.so'), 'utf8'), 'code')
    t.ok(readFileSync(join(set, 'licenses/LICENSE-llama-vision'), 'utf8').includes('MIT'))
    t.match(await confinement(join(set, 'confine')), { sentence: /^the engine has/ })
  },
)
