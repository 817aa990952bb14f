/** The part of CycloneDX 1.5 that is written here. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export type Component = {
  type: 'application' | 'library' | 'file' | 'platform'
  'bom-ref': string
  name: string
  version?: string
  purl?: string
  licenses?: object[]
  hashes?: { alg: string; content: string }[]
  properties?: { name: string; value: string }[]
  components?: Component[]
  [more: string]: unknown
}

export type Metadata = { timestamp?: string; component: Component; lifecycles?: object[]; tools?: object[] }

export type Sbom = {
  $schema: string
  bomFormat: string
  specVersion: string
  version: number
  metadata: Metadata
  components: Component[]
  dependencies?: object[]
}

/** Files of ours or of a build of ours. */
export const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
