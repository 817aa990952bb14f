/** The inputs that are kept: a few bytes each, in a folder a target, named by what they hold. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Target } from './target.ts'

export const targetNames: readonly string[] = readdirSync(join(import.meta.dirname, 'targets'))
  .map((file) => file.replace(/\.ts$/, ''))
  .sort()

const folderOf = (name: string): string => join(import.meta.dirname, 'corpus', name)

/** The target's own seeds, then what was kept. */
export function inputsOf(name: string, { seeds }: Target): Buffer[] {
  const folder = folderOf(name)
  const kept = existsSync(folder)
    ? readdirSync(folder)
        .sort()
        .map((file) => readFileSync(join(folder, file)))
    : []
  return [...seeds.map((seed) => Buffer.from(seed as string, 'latin1')), ...kept]
}

/** Keeps an input; gives the path. */
export function keep(name: string, bytes: Buffer): string {
  mkdirSync(folderOf(name), { recursive: true })
  const path = join(folderOf(name), createHash('sha256').update(bytes).digest('hex').slice(0, 16))
  writeFileSync(path, bytes)
  return path
}

/** Keeps these alone. */
export function keepOnly(name: string, all: readonly Buffer[]): void {
  rmSync(folderOf(name), { recursive: true, force: true })
  for (const bytes of all) keep(name, bytes)
}
