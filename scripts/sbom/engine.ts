/** llama.cpp as a component: the pin, each patch by its hash, how it was compiled, and what is compiled into it. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Component, readJson, root } from './cyclonedx.ts'

const vendor = join(root, 'vendor/llama.cpp')

/** `build.json` beside a built engine: what only the build knows. */
export type Build = { key: string; flavour: string; architecture: string; compiler: string; options: string }
type Vendored = { name: string; version: string; license: string; source: string; text: string }
type Vendoring = { tree: string; components: Vendored[]; notCompiled: string[] }

export const vendored: Vendoring = readJson(join(vendor, 'components.json'))
export const readBuild = (folder: string): Build => readJson(join(folder, 'build.json'))

/** `NAME=value` lines. */
export const pin: Record<string, string> = Object.fromEntries(
  [...readFileSync(join(vendor, 'PIN'), 'utf8').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [
    name,
    value,
  ]),
)

export function patches(): Component[] {
  return readdirSync(join(vendor, 'patches'))
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => ({
      type: 'file',
      'bom-ref': `patch/${name}`,
      name,
      hashes: [{ alg: 'SHA-256', content: sha256(readFileSync(join(vendor, 'patches', name))) }],
    }))
}

export function engineComponent({ key, flavour, architecture, compiler, options }: Build): Component {
  const { VERSION = '', COMMIT = '', TREE = '', NPM_PACKAGE = '', NPM_INTEGRITY = '', GIT_URL = '' } = pin
  const facts = { key, flavour, architecture, compiler, options, commit: COMMIT, tree: TREE }
  const source = { 'source-package': NPM_PACKAGE, 'source-integrity': NPM_INTEGRITY }
  const changed = patches()
  return {
    type: 'application',
    'bom-ref': `llama.cpp@${VERSION}`,
    name: 'llama.cpp',
    version: VERSION,
    purl: `pkg:github/ggml-org/llama.cpp@${VERSION}`,
    licenses: [{ license: { id: 'MIT' } }],
    externalReferences: [{ type: 'vcs', url: GIT_URL }],
    pedigree: {
      notes: 'Patched before it was compiled; the patches are components of type file, with their hashes.',
      patches: changed.map(({ name }) => ({
        type: 'unofficial',
        diff: { url: `vendor/llama.cpp/patches/${name}` },
      })),
    },
    properties: Object.entries({ ...facts, ...source }).map(([name, value]) => ({
      name: `llama-vision:${name}`,
      value,
    })),
    components: [...vendored.components.map(asComponent), ...changed],
  }
}

const asComponent = ({ name, version, license, source, text }: Vendored): Component => ({
  type: 'library',
  'bom-ref': `llama.cpp/${source}`,
  name,
  ...(version === '' ? {} : { version }),
  licenses: [inWords(license)],
  properties: [
    { name: 'llama-vision:source', value: source },
    { name: 'llama-vision:license-text', value: text },
  ],
})

/** CycloneDX tells identifiers of SPDX from expressions of them and from what SPDX has no name for. */
function inWords(license: string): object {
  if (license.includes(' OR ')) return { expression: license }
  return { license: license === 'public domain' ? { name: license } : { id: license } }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
