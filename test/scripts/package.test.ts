/** What somebody gets who installs the package that `npm pack` makes: all that runs, nothing else, a few megabytes. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/config.ts'

type Packed = { size: number; unpackedSize: number; files: { path: string; mode: number }[] }

const mostBytes = 10_000_000
/** Of everything else: what the demo model takes is given. */
const mostOtherBytes = 2_500_000

const words = ['pack', '--dry-run', '--json', '--ignore-scripts']
const [packed] = JSON.parse(execFileSync('npm', words, { cwd: packageRoot, encoding: 'utf8' })) as Packed[]
const files = packed?.files ?? []
const paths = files.map(({ path }) => path)
const below = (folder: string): string[] =>
  readdirSync(join(packageRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(packageRoot.length + 1))

t.test('what runs, what the engine is built from, and what tells about both is in it', (t) => {
  const needed = [
    ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md', 'dist/main.js'],
    ...['src/engine/confine.cpp', 'models/demo/demo-q4_k_m.gguf', 'models/demo/samples/star.jpg'],
    ...['build-confine.sh', 'build-engine.sh', 'engine-source.sh', 'engine-licenses.js'].map(
      (name) => `scripts/${name}`,
    ),
    ...[...below('src/page'), ...below('vendor'), ...below('docs')],
    ...below('src')
      .filter((path) => path.endsWith('.ts'))
      .map((path) => path.replace(/^src\/(.*)\.ts$/, 'dist/$1.js')),
  ]
  for (const path of needed) t.ok(paths.includes(path), path)
  t.end()
})

t.test('every script that a script of it calls is in it, and may be run', (t) => {
  const scripts = files.filter(({ path }) => path.startsWith('scripts/'))
  for (const { path, mode } of scripts.filter(({ path }) => path.endsWith('.sh')))
    t.ok((mode & 0o111) === 0o111, `${path} is executable`)
  for (const { path } of scripts) {
    const called = readFileSync(join(packageRoot, path), 'utf8').matchAll(/\$here\/([\w-]+\.\w+)/g)
    for (const [, name] of called) t.ok(paths.includes(`scripts/${name}`), `${path} calls ${name}`)
  }
  t.end()
})

t.test('nothing else is in it', (t) => {
  const kinds = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/,
    /^dist\/(?!engine\/confine$)[\w/-]+\.js$/,
    /^src\/(engine\/confine\.cpp|page\/[\w.-]+)$/,
    /^models\/demo\/(README\.md|demo-q4_k_m\.gguf|samples\/\w+\.(png|jpg))$/,
    /^vendor\/llama\.cpp\/(PIN|README\.md|components\.json|licenses\/LICENSE-[\w-]+|patches\/(\.gitkeep|[\w.-]+\.patch))$/,
    /^scripts\/(build-confine|build-engine|engine-source|install-packages)\.sh$|^scripts\/engine-licenses\.js$/,
    /^docs\/[\w.-]+\.(md|png)$|^deploy\/grafana\.json$/,
  ]
  t.same(
    paths.filter((path) => !kinds.some((kind) => kind.test(path))),
    [],
  )
  t.end()
})

t.test('it is a few megabytes, most of them the demo model', (t) => {
  const { size = Number.NaN, unpackedSize = Number.NaN } = packed ?? {}
  t.ok(size > 0 && size < mostBytes, `${size} bytes packed`)
  const model = readFileSync(join(packageRoot, 'models/demo/demo-q4_k_m.gguf')).length
  t.ok(unpackedSize - model < mostOtherBytes, `${unpackedSize - model} bytes beside the model`)
  t.end()
})

t.test('links between its pages lead to what is in it, or to what only a checkout has', (t) => {
  const ofCheckouts =
    /^(CONTRIBUTING\.md|bench\/README\.md|models\/training\/\w+\.md|convert\/README\.md|test\/.*)$/
  for (const page of paths.filter((path) => path.endsWith('.md'))) {
    const links = readFileSync(join(packageRoot, page), 'utf8').matchAll(/\]\((?!\w+:|#)([^)#\s]+)[^)]*\)/g)
    for (const [, link = ''] of links) {
      const target = normalize(join(dirname(page), link))
      t.ok(paths.includes(target) || ofCheckouts.test(target), `${page} links to ${target}`)
    }
  }
  t.end()
})
