/**
 * Where an image comes from, in a screen: the commit, the date of its sources, the engine's pin and key, Node, the images
 * it was built upon. What the build was not told is null, never guessed. usage: node provenance.ts ENGINE_FOLDER
 * Environment: COMMIT, SOURCE_DATE_EPOCH (seconds), NODE_IMAGE, DEBIAN_IMAGE, DEBIAN_SNAPSHOT.
 */
import { join } from 'node:path'
import { readJson, root } from './cyclonedx.ts'
import { patches, pin, readBuild } from './engine.ts'

export function provenance(engineFolder: string, env: NodeJS.ProcessEnv) {
  const { key, flavour, architecture, compiler } = readBuild(engineFolder)
  const { SOURCE_DATE_EPOCH } = env
  return {
    name: 'llama-vision',
    version: readJson(join(root, 'package.json')).version as string,
    commit: env.COMMIT || null,
    sourceDate: SOURCE_DATE_EPOCH ? new Date(Number(SOURCE_DATE_EPOCH) * 1000).toISOString() : null,
    node: process.version,
    engine: {
      version: pin.VERSION,
      tree: pin.TREE,
      patches: patches().length,
      key,
      flavour,
      architecture,
      compiler,
    },
    builtUpon: {
      node: env.NODE_IMAGE || null,
      debian: env.DEBIAN_IMAGE || null,
      debianPackagesOf: env.DEBIAN_SNAPSHOT || null,
    },
  }
}

if (process.argv[1] === import.meta.filename) {
  const [folder] = process.argv.slice(2)
  if (!folder) throw new Error('usage: provenance.ts ENGINE_FOLDER')
  console.log(JSON.stringify(provenance(folder, process.env), null, 2))
}
