/**
 * `npm sbom` of the packages that run. Asked where those for development are too it leaves out what both need (45 of 159,
 * seen with npm 11), so it is asked in a copy without them that has nothing but each package's own package.json.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readJson, type Sbom } from './cyclonedx.ts'

type Lock = { packages: Record<string, { dev?: boolean; version: string; integrity: string }> }

export function npmSbom(folder: string): Sbom & { serialNumber?: string } {
  const copy = mkdtempSync(join(tmpdir(), 'llama-vision-sbom-'))
  try {
    const { devDependencies: _notRun, ...own } = readJson(join(folder, 'package.json'))
    const lock: Lock = readJson(join(folder, 'package-lock.json'))
    // A package for another platform is in the lock file alone.
    const running = Object.entries(lock.packages).filter(
      ([path, { dev }]) => path !== '' && !dev && existsSync(join(folder, path)),
    )
    for (const [path] of running) {
      mkdirSync(dirname(join(copy, path, 'package.json')), { recursive: true })
      cpSync(join(folder, path, 'package.json'), join(copy, path, 'package.json'))
    }
    writeFileSync(join(copy, 'package.json'), JSON.stringify(own))
    const words = ['sbom', '--sbom-format', 'cyclonedx', '--loglevel', 'error']
    const listed = execFileSync('npm', words, { cwd: copy, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 })
    const sbom: Sbom & { serialNumber?: string } = JSON.parse(listed)
    const hashes = new Map(
      running.map(([path, entry]) => [`${nameAt(path)}@${entry.version}`, hexadecimal(entry.integrity)]),
    )
    for (const component of sbom.components) {
      const content = hashes.get(`${component.name}@${component.version}`)
      if (content) component.hashes = [{ alg: 'SHA-512', content }]
    }
    return sbom
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

const nameAt = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
const hexadecimal = (integrity: string) =>
  Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex')
