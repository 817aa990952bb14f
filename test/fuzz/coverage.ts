/** A target with counters in all of our own code, so that it shows which inputs lead somewhere new. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { createInstrumenter } from 'istanbul-lib-instrument'
import { packageRoot } from '../../src/config.ts'
import type { Target } from './target.ts'

type Counters = Record<string, { s: Record<string, number>; b: Record<string, number[]> }>

const scope = globalThis as { fuzzCounters?: Counters }

export type Counted = {
  target: Target
  /** Runs an input; whether it came to a place, or as often to one, as none before. Rejects as the target does. */
  isNew(bytes: Buffer): Promise<boolean>
}

export async function counted(name: string): Promise<Counted> {
  const folder = join(packageRoot, '.tap/fuzz')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${name}.mjs`)
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, 'targets', `${name}.ts`)],
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    write: false,
  })
  const code = bundle.outputFiles[0]?.text ?? ''
  const instrumenter = createInstrumenter({ esModules: true, coverageVariable: 'fuzzCounters' })
  await writeFile(file, instrumenter.instrumentSync(code, file))
  const { target } = (await import(pathToFileURL(file).href)) as { target: Target }
  const counters = Object.values(scope.fuzzCounters ?? {}).at(-1) ?? { s: {}, b: {} }
  const places = [counters.s, ...Object.values(counters.b)] as Record<string, number>[]
  const seen = new Set<string>()

  /** Empties the counters; whether one of them stands where none stood before. A count is known by its magnitude. */
  function lookAndEmpty(): boolean {
    const before = seen.size
    for (const [index, counts] of places.entries()) {
      for (const key in counts) {
        if (!counts[key]) continue
        seen.add(`${index} ${key} ${Math.min(6, Math.ceil(Math.log2(counts[key])))}`)
        counts[key] = 0
      }
    }
    return seen.size > before
  }

  lookAndEmpty()
  return {
    target,
    async isNew(bytes) {
      await target.run(bytes)
      return lookAndEmpty()
    },
  }
}
