/** The lists of what the service is made of: valid, whole, and the same from the same sources. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv, type AnySchemaObject } from 'ajv'
import t from 'tap'
import type { Component, Sbom } from '../../scripts/sbom/cyclonedx.ts'
import { pin, vendored } from '../../scripts/sbom/engine.ts'
import { provenance } from '../../scripts/sbom/provenance.ts'
import { engineSbom, gatewaySbom } from '../../scripts/sbom/sbom.ts'
import { packageRoot } from '../../src/config.ts'

const build = {
  key: '0123456789abcdef',
  flavour: 'portable',
  architecture: 'x86_64',
  compiler: 'c++ 12.2.0',
  options: '-DA=ON',
}

/** A folder as the build leaves it, as far as it is read. */
function builtEngine(folder: string): string {
  writeFileSync(join(folder, 'build.json'), JSON.stringify(build))
  return folder
}

const schemas = join(packageRoot, 'node_modules/@cyclonedx/cyclonedx-library/res/schema')
const schema = (name: string): AnySchemaObject =>
  JSON.parse(readFileSync(join(schemas, `${name}.SNAPSHOT.schema.json`), 'utf8'))
const anything = () => true
const ajv = new Ajv({
  strict: false,
  formats: Object.fromEntries(
    ['iri-reference', 'idn-email', 'date-time', 'email', 'uri'].map((name) => [name, anything]),
  ),
})
for (const name of ['spdx', 'jsf-0.82'])
  ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
const validate = ajv.compile(schema('bom-1.5'))
const faults = (sbom: Sbom) => (validate(sbom) ? [] : validate.errors)

const all = (components: Component[]): Component[] =>
  components.flatMap((one) => [one, ...all(one.components ?? [])])
const named = (components: Component[]) => components.map(({ name, version }) => `${name}@${version}`)

const gateway = gatewaySbom()
type Entry = { version: string; dev?: boolean }
const lock = JSON.parse(readFileSync(join(packageRoot, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>
}
const running = Object.entries(lock.packages).filter(
  ([path, { dev }]) => path !== '' && !dev && existsSync(join(packageRoot, path)),
)

t.test('the list of the gateway names each package that runs, with licence and hash, and no other', (t) => {
  t.same(faults(gateway), [])
  t.match(gateway.metadata.component, { name: 'llama-vision', type: 'application' })
  const wanted = new Set(
    running.map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`),
  )
  const packages = gateway.components.filter(({ name }) => name !== 'node')
  t.same(named(packages).sort(), [...wanted].sort())
  for (const { name, licenses, hashes } of packages) {
    t.ok(licenses?.length, `${name} has a licence`)
    t.match(hashes, [{ alg: 'SHA-512', content: /^[0-9a-f]{128}$/ }], name)
  }
  t.end()
})

t.test('what prebuilt binaries hold is listed with them', (t) => {
  const parts = named(all(gateway.components))
  t.ok(parts.includes(`node@${process.versions.node}`))
  t.ok(parts.includes(`openssl@${process.versions.openssl}`))
  t.ok(
    parts.some((name) => name.startsWith('vips@')),
    'libvips',
  )
  t.end()
})

t.test('the list of the engine tells its pin, each patch by its hash, and its compiler', (t) => {
  const sbom = engineSbom(builtEngine(t.testdir()))
  t.same(faults(sbom), [])
  const [engine] = sbom.components
  t.match(engine, { name: 'llama.cpp', version: pin.VERSION })
  const facts = Object.fromEntries(engine?.properties?.map(({ name, value }) => [name, value]) ?? [])
  t.match(facts, { 'llama-vision:tree': pin.TREE, 'llama-vision:compiler': build.compiler })
  const folder = join(packageRoot, 'vendor/llama.cpp/patches')
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.patch'))) {
    const content = createHash('sha256')
      .update(readFileSync(join(folder, file)))
      .digest('hex')
    const listed = engine?.components?.find(({ name }) => name === file)
    t.match(listed, { type: 'file', hashes: [{ alg: 'SHA-256', content }] }, file)
  }
  t.end()
})

t.test('the list of what is compiled into the engine goes with its pin', (t) => {
  t.equal(vendored.tree, pin.TREE, 'vendor/llama.cpp/components.json was gone through for this tree')
  t.end()
})

t.test('the same sources give the same bytes', (t) => {
  const folder = builtEngine(t.testdir())
  t.equal(JSON.stringify(engineSbom(folder)), JSON.stringify(engineSbom(folder)))
  t.equal(JSON.stringify(gatewaySbom()), JSON.stringify(gateway))
  t.end()
})

t.test('an installation elsewhere is listed as it is', (t) => {
  const folder = t.testdir()
  for (const name of ['package.json', 'package-lock.json'])
    writeFileSync(join(folder, name), readFileSync(join(packageRoot, name)))
  const path = 'node_modules/re2js'
  mkdirSync(join(folder, path), { recursive: true })
  writeFileSync(join(folder, path, 'package.json'), readFileSync(join(packageRoot, path, 'package.json')))
  t.throws(() => gatewaySbom(folder), /missing/, 'and one that lacks packages is refused')
  t.end()
})

t.test('the provenance file tells what it was told and guesses nothing', (t) => {
  const folder = builtEngine(t.testdir())
  const told = provenance(folder, { COMMIT: 'abc', SOURCE_DATE_EPOCH: '1764000000', DEBIAN_SNAPSHOT: '' })
  t.match(told, { commit: 'abc', sourceDate: '2025-11-24T16:00:00.000Z', node: process.version })
  t.match(told.engine, { key: build.key, flavour: 'portable', tree: pin.TREE })
  t.same(told.builtUpon, { node: null, debian: null, debianPackagesOf: null })
  t.match(provenance(folder, {}), { commit: null, sourceDate: null })
  t.end()
})
