/** The lock file says for every package by which bytes it is known, and nothing about where one machine got it from. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'

type Entry = { integrity?: string; resolved?: string; link?: boolean }

const text = readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')
const lock = JSON.parse(text) as { lockfileVersion: number; packages: Record<string, Entry> }
const entries = Object.entries(lock.packages).filter(([path]) => path !== '')

t.test('every package is known by a SHA-512 of its bytes', (t) => {
  t.ok(entries.length > 500, `${entries.length} packages`)
  // npm writes none for another platform's package that it finds missing in node_modules. Without these entries in the lock
  // file and without node_modules, `npm install --package-lock-only` asks for them anew.
  const unknown = entries.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''))
  t.same(
    unknown.map(([path]) => path),
    [],
  )
  t.end()
})

t.test('no package is bound to an address, a folder or a link', (t) => {
  // npm then takes each from the registry that the machine is set up with, and the hashes say whether it is the one.
  const bound = entries.filter(([, entry]) => entry.resolved !== undefined || entry.link)
  t.same(
    bound.map(([path]) => path),
    [],
  )
  // Addresses of people who take donations are all that there is: alone in a line, or as `url`.
  const addresses = [...text.matchAll(/^.*(?:https?|git|file|ssh)[+\w]*:.*$/gm)].map(([line]) => line.trim())
  t.same(
    addresses.filter((line) => !/^(?:"url": )?"https?:\/\/[^"]+",?$/.test(line)),
    [],
  )
  t.end()
})

t.test('the lock file belongs to this package.json', (t) => {
  type Needs = Record<
    'version' | 'dependencies' | 'devDependencies' | 'optionalDependencies' | 'engines',
    unknown
  >
  const own = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as Needs
  const root = lock.packages[''] as Entry & Needs
  t.equal(lock.lockfileVersion, 3)
  t.match(root, {
    version: own.version,
    dependencies: own.dependencies,
    devDependencies: own.devDependencies,
    optionalDependencies: own.optionalDependencies,
    engines: own.engines,
  })
  t.end()
})
