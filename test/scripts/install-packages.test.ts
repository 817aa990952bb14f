/** What is missing of the system's packages is named, and installed only where that was asked for. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'

const script = join(packageRoot, 'scripts/install-packages.sh')
const run = (...needs: string[]) =>
  spawnSync('bash', [script, ...needs], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, INSTALL_PACKAGES: 'no' },
  })

t.test('exactly those that are missing are named, by package and not by command', (t) => {
  const { status, stderr } = run('sh', 'no-such-a', 'no-such-b:package-of-b', 'sh:never')
  t.equal(status, 1)
  t.equal(
    stderr.trim(),
    'Missing: no-such-a package-of-b. Install them, on Debian: sudo apt-get install no-such-a package-of-b',
  )
  t.end()
})

t.test('where all are there, nothing is said', (t) => {
  t.match(run('sh', 'bash:bash'), { status: 0, stderr: '', stdout: '' })
  t.end()
})
