/** Whoever gets the image gets the licence of all that is in it. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { vendored } from '../../scripts/sbom/engine.ts'
import { packageRoot } from '../../src/config.ts'

const own = join(packageRoot, 'deploy/licenses')
const texts = readdirSync(own).filter((name) => name.endsWith('.txt'))
/** Beginnings of licences as a README may hold them. */
const licenceText =
  /Permission is hereby granted|Redistribution and use in source|Permission to use, copy, modify/

function bringsItsLicence(folder: string): boolean {
  const files = readdirSync(folder)
  if (files.some((name) => /^(licen[sc]e|copying|unlicense)/i.test(name))) return true
  const readme = files.find((name) => /^readme/i.test(name))
  return readme !== undefined && licenceText.test(readFileSync(join(folder, readme), 'utf8'))
}

t.test('each package that runs brings its licence, or it is in deploy/licenses', (t) => {
  const lock = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; license?: string }>
  }
  const running = Object.entries(lock.packages).filter(
    ([path, { dev }]) => path !== '' && !dev && existsSync(join(packageRoot, path)),
  )
  t.ok(running.length > 100)
  for (const [path, { license }] of running) {
    const bare = path.split('/').at(-1) ?? ''
    const kept = texts.some((text) => bare.startsWith(text.replace('.txt', '')))
    t.ok(kept || bringsItsLicence(join(packageRoot, path)), `${path}: the text of ${license}`)
  }
  t.end()
})

t.test('each text of ours is told of, and is for something that is installed', (t) => {
  const readme = readFileSync(join(own, 'README.md'), 'utf8')
  const installed = readdirSync(join(packageRoot, 'node_modules'), { recursive: true, encoding: 'utf8' })
  for (const text of texts) {
    t.match(readme, `\`${text}\``)
    const name = text.replace('.txt', '')
    t.ok(
      installed.some((path) => path.includes(name)),
      `${name} is installed`,
    )
  }
  t.end()
})

/** A source of llama.cpp as far as the script looks, with the folders that are named. */
function source(t: Test, folders: string[]): string {
  const folder = t.testdir({
    LICENSE: 'MIT',
    licenses: { 'LICENSE-jsonhpp': 'MIT' },
    ggml: { src: { 'ggml-cpu': { llamafile: { 'sgemm.cpp': '// Copyright\n// words\n\ncode' } } } },
  })
  for (const path of folders) {
    mkdirSync(join(folder, path), { recursive: true })
    writeFileSync(join(folder, path, 'LICENSE.md'), `text of ${path}`)
  }
  return folder
}

const collect = (from: string, to: string) =>
  execFileSync(process.execPath, [join(packageRoot, 'scripts/engine-licenses.js'), from, to], {
    stdio: 'pipe',
  })

const named = [...vendored.components.map((one) => one.source), ...vendored.notCompiled].filter((path) =>
  path.startsWith('vendor/'),
)

t.test('the texts of all that is compiled into the engine are collected', (t) => {
  const from = source(t, named)
  const to = join(from, 'licenses-of-all')
  collect(from, to)
  for (const { name, text } of vendored.components) t.ok(readFileSync(join(to, text), 'utf8'), name)
  t.equal(readFileSync(join(to, 'LICENSE-llamafile'), 'utf8'), 'Copyright\nwords\n')
  t.equal(readFileSync(join(to, 'LICENSE-hash-rotate-bits'), 'utf8'), 'text of vendor/hash/rotate-bits')
  t.end()
})

t.test("a source with others' work that nobody has looked at is not built", (t) => {
  const from = source(t, [...named, 'vendor/newcomer'])
  t.throws(() => collect(from, join(from, 'out')), /vendor\/newcomer is not named/)
  t.end()
})

t.test('a source that lost a text is not built', (t) => {
  const from = source(
    t,
    named.filter((path) => path !== 'vendor/cpp-httplib'),
  )
  t.throws(() => collect(from, join(from, 'out')), /cpp-httplib has no licence text/)
  t.end()
})
