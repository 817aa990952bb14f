/** The engine's source is what was pinned, or nothing at all: shown with a tiny repository and no network. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'

const run = promisify(execFile)
const script = join(packageRoot, 'scripts/engine-source.sh')

const git = (cwd: string, ...words: string[]) =>
  run('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', '-c', 'init.defaultBranch=main', ...words], {
    cwd,
  })

/** An npm package file with a git bundle of one commit, and the pin that fits it. */
async function pinned(t: Test) {
  const folder = t.testdir({
    repository: { 'a.txt': 'one\n' },
    package: { 'package.json': '{"name":"tiny-source","version":"1.0.0"}' },
    patches: {},
  })
  const repository = join(folder, 'repository')
  await git(repository, 'init', '--quiet')
  await git(repository, 'add', '.')
  await git(repository, 'commit', '--quiet', '-m', 'one')
  await git(repository, 'bundle', 'create', '--quiet', join(folder, 'package/source.bundle'), 'HEAD')
  await run('npm', ['pack', '--silent'], { cwd: join(folder, 'package') })
  const archive = join(folder, 'package/tiny-source-1.0.0.tgz')
  const pin = {
    VERSION: 'v1',
    TREE: (await git(repository, 'rev-parse', 'HEAD^{tree}')).stdout.trim(),
    NPM_PACKAGE: archive,
    NPM_INTEGRITY: `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`,
    NPM_BUNDLE: 'source.bundle',
    GIT_URL: join(folder, 'nowhere'),
    GIT_TAG: 'v1',
  }
  const patches = join(folder, 'patches')
  const target = join(folder, 'out/source')
  async function fetch(changes: Partial<typeof pin> = {}) {
    const lines = Object.entries({ ...pin, ...changes }).map(([name, value]) => `${name}=${value}`)
    writeFileSync(join(folder, 'PIN'), lines.join('\n'))
    const env = { ...process.env, ENGINE_PIN: join(folder, 'PIN'), ENGINE_PATCHES: patches }
    return run('bash', [script, target], { env })
  }
  const leftovers = () => (existsSync(join(folder, 'out')) ? readdirSync(join(folder, 'out')) : [])
  return { folder, patches, target, fetch, leftovers }
}

const patch = (before: string, after: string) =>
  `Why: a test\n\ndiff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-${before}\n+${after}\n`

t.test('the pinned tree is put in place, patched in the order of names', async (t) => {
  const { patches, target, fetch, leftovers } = await pinned(t)
  writeFileSync(join(patches, '0002-second.patch'), patch('two', 'three'))
  writeFileSync(join(patches, '0001-first.patch'), patch('one', 'two'))
  await fetch()
  t.equal(readFileSync(join(target, 'a.txt'), 'utf8'), 'three\n')
  t.strictSame(leftovers(), ['source'])
  await t.rejects(fetch(), { message: /exists already/ })
})

t.test('another tree is refused, and nothing is left behind', async (t) => {
  const { fetch, leftovers } = await pinned(t)
  await t.rejects(fetch({ TREE: '0'.repeat(40) }), {
    message: /not llama\.cpp v1: its tree is [0-9a-f]{40}, expected 0{40}/,
  })
  t.strictSame(leftovers(), [])
})

t.test('another package is refused before it is opened', async (t) => {
  const { fetch, leftovers } = await pinned(t)
  await t.rejects(fetch({ NPM_INTEGRITY: 'sha512-AAAA' }), {
    message: /is not what was pinned: integrity sha512-.*expected sha512-AAAA/,
  })
  t.strictSame(leftovers(), [])
})

t.test('a patch that does not apply is named', async (t) => {
  const { patches, fetch, leftovers } = await pinned(t)
  writeFileSync(join(patches, '0001-odd.patch'), patch('something else', 'two'))
  await t.rejects(fetch(), { message: /0001-odd\.patch does not apply to llama\.cpp v1/ })
  t.strictSame(leftovers(), [])
})

t.test('where npm has it not, the tag is taken, and checked the same', async (t) => {
  const { folder, target, fetch } = await pinned(t)
  await git(join(folder, 'repository'), 'tag', 'v1')
  await fetch({ NPM_PACKAGE: join(folder, 'missing.tgz'), GIT_URL: `file://${join(folder, 'repository')}` })
  t.equal(readFileSync(join(target, 'a.txt'), 'utf8'), 'one\n')
})

t.test('where neither has it, both are named', async (t) => {
  const { folder, fetch } = await pinned(t)
  await t.rejects(fetch({ NPM_PACKAGE: join(folder, 'missing.tgz') }), {
    message: /could not be fetched, neither from npm nor from/,
  })
})
