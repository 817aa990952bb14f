/**
 * What the service is made of, as CycloneDX 1.5: `gateway` is npm's own list of the packages that run, with Node and what
 * prebuilt binaries hold; `engine` is llama.cpp as pinned, its patches, the compiler, and what is compiled into it.
 * The same sources give the same bytes. usage: node --import tsx scripts/sbom/sbom.ts gateway|engine [FOLDER]
 * FOLDER is an installation with node_modules, or a built engine; the checkout's own unless told.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Component, type Metadata, readJson, root, type Sbom } from './cyclonedx.ts'
import { engineComponent, pin, readBuild } from './engine.ts'
import { npmSbom } from './npm.ts'

/** The packages that run, as npm lists them, each with what its binaries hold. */
export function gatewaySbom(folder = root): Sbom {
  const { serialNumber: _random, ...sbom } = npmSbom(folder)
  const { version } = readJson(join(folder, 'package.json'))
  // npm names it after the folder in which it lies.
  Object.assign(sbom.metadata.component, { type: 'application', name: 'llama-vision', version })
  sbom.metadata = dated(sbom.metadata)
  for (const component of sbom.components) {
    const versions = join(folder, 'node_modules', component.name, 'versions.json')
    if (component.name.startsWith('@img/sharp-libvips') && existsSync(versions))
      component.components = parts(component.name, readJson(versions))
  }
  const { node = '', modules: _abi, napi: _abiToo, ...others } = process.versions
  sbom.components.push({
    type: 'platform',
    'bom-ref': `node@${node}`,
    name: 'node',
    version: node,
    purl: `pkg:generic/node@${node}`,
    licenses: [{ license: { id: 'MIT' } }],
    components: parts('node', others),
  })
  return sbom
}

/** llama-server as it was built into `folder`. */
export function engineSbom(folder = join(root, '.engine')): Sbom {
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: dated({
      component: {
        type: 'application',
        'bom-ref': 'engine',
        name: 'llama-vision-engine',
        version: pin.VERSION ?? '',
      },
    }),
    components: [engineComponent(readBuild(folder))],
  }
}

const parts = (owner: string, versions: Record<string, string | undefined>): Component[] =>
  Object.entries(versions).map(([name, version = '']) => ({
    type: 'library',
    'bom-ref': `${owner}/${name}@${version}`,
    name,
    version,
  }))

/** With the date of the sources where it is told, else without any: the same sources, the same bytes. */
function dated({ timestamp: _now, ...metadata }: Metadata): Metadata {
  const epoch = process.env.SOURCE_DATE_EPOCH
  return { ...(epoch ? { timestamp: new Date(Number(epoch) * 1000).toISOString() } : {}), ...metadata }
}

if (process.argv[1] === import.meta.filename) {
  const [kind = '', folder] = process.argv.slice(2)
  const makers: Record<string, (folder?: string) => Sbom> = { gateway: gatewaySbom, engine: engineSbom }
  const make = makers[kind]
  if (!make) throw new Error('usage: sbom.ts gateway|engine [FOLDER]')
  console.log(JSON.stringify(make(folder), null, 2))
}
