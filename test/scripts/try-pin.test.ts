/** Trying the patches on another release: which apply, which are merged, and where one fails. Tiny repositories, no build. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'

const run = promisify(execFile)
const script = join(packageRoot, 'scripts/try-pin.sh')
const lines = (...changed: Record<number, string>[]) =>
  Array.from({ length: 40 }, (_, index) => changed.find((one) => one[index])?.[index] ?? `line ${index}`)
    .join('\n')
    .concat('\n')

/** A package with one commit, as node-llama-cpp bundles it. */
async function packed(folder: string, version: string, text: string): Promise<string> {
  const repository = join(folder, `repository-${version}`)
  const pack = join(folder, `package-${version}`)
  mkdirSync(join(pack, 'llama'), { recursive: true })
  mkdirSync(repository)
  writeFileSync(join(repository, 'a.txt'), text)
  const git = (...words: string[]) =>
    run('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...words], { cwd: repository })
  await git('init', '--quiet')
  await git('add', '.')
  await git('commit', '--quiet', '-m', version)
  await git('bundle', 'create', '--quiet', join(pack, 'llama/gitRelease.bundle'), 'HEAD')
  writeFileSync(join(pack, 'llama/llama.cpp.info.json'), `{\n  "tag": "${version}"\n}`)
  writeFileSync(join(pack, 'package.json'), `{"name":"source-${version}","version":"1.0.0"}`)
  await run('npm', ['pack', '--silent'], { cwd: pack })
  return join(pack, `source-${version}-1.0.0.tgz`)
}

const patch = (at: number, word: string, before = lines()) => {
  const old = before.split('\n')
  const hunk = [-2, -1, 0, 1, 2].flatMap((step) =>
    step === 0 ? [`-${old[at]}`, `+${word}`] : [` ${old[at + step]}`],
  )
  const head = `@@ -${at - 1},5 +${at - 1},5 @@`
  return `Subject: ${word}\n\nWhy: a test\n---\n\ndiff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n${head}\n${hunk.join('\n')}\n`
}

async function tried(t: Test, newer: string) {
  const folder = t.testdir({
    patches: { '0001-ten.patch': patch(10, 'ten'), '0002-thirty.patch': patch(30, 'thirty') },
  })
  const old = await packed(folder, 'v1', lines())
  const archive = await packed(folder, 'v2', newer)
  const repository = join(folder, 'repository-v1')
  const tree = (await run('git', ['rev-parse', 'HEAD^{tree}'], { cwd: repository })).stdout.trim()
  const integrity = createHash('sha512').update(readFileSync(old)).digest('base64')
  const pin = `VERSION=v1\nTREE=${tree}\nNPM_PACKAGE=${old}\nNPM_INTEGRITY=sha512-${integrity}\nNPM_BUNDLE=llama/gitRelease.bundle\nGIT_URL=none\nGIT_TAG=v1\n`
  writeFileSync(join(folder, 'PIN'), pin)
  const env = {
    ...process.env,
    ENGINE_PIN: join(folder, 'PIN'),
    ENGINE_PATCHES: join(folder, 'patches'),
    LLAMA_VISION_CACHE: join(folder, 'cache'),
  }
  const result = run('bash', [script, archive, '--apply'], { env })
  return { result, work: join(folder, 'cache/try-pin/source-v2-1.0.0') }
}

t.test(
  'patches that apply, also with what moved around them, come out as they are for that release',
  async (t) => {
    const { result, work } = await tried(t, `new\n${lines({ 28: 'changed nearby' })}`)
    const { stdout } = await result
    t.match(stdout, '0001-ten.patch: applies\n0002-thirty.patch: applies, merged\nv2: 0 of 2 patches fail\n')
    t.match(readFileSync(join(work, 'PIN'), 'utf8'), /^VERSION=v2\nCOMMIT=[0-9a-f]{40}\n/)
    t.same(readdirSync(join(work, 'patches')), ['0001-ten.patch', '0002-thirty.patch'])
    const renewed = readFileSync(join(work, 'patches/0002-thirty.patch'), 'utf8')
    t.match(renewed, /^Subject: thirty\n\nWhy: a test\n---\n/)
    t.match(renewed, / changed nearby\n line 29\n-line 30\n\+thirty\n/)
  },
)

t.test('a patch that does not is told with the lines, and those after it are tried', async (t) => {
  const { result } = await tried(t, lines({ 10: 'another' }))
  await t.rejects(result, {
    code: 1,
    stdout: '0001-ten.patch: FAILS\n  a.txt:11\n0002-thirty.patch: applies\nv2: 1 of 2 patches fail\n',
  })
})
