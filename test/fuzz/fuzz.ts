/**
 * Looks for inputs that break a reader of strangers' bytes: changes inputs at random, goes on with those that lead
 * somewhere new, and keeps the one that broke it. `npm run fuzz -- [TARGET...] [--seconds=60] [--seed=1] [--keep]`
 */
import { parseArgs } from 'node:util'
import { inputsOf, keep, keepOnly, targetNames } from './corpus.ts'
import { counted } from './coverage.ts'
import { mutated, seeded } from './mutate.ts'

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    /** Replaces the corpus by what this run found to lead somewhere. */
    keep: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
/** One input that takes longer holds up everybody else's. */
const slowMs = 1000
const mostKept = 40

async function fuzz(name: string): Promise<boolean> {
  const { target, isNew } = await counted(name)
  const random = seeded(Number(values.seed))
  const corpus: Buffer[] = []
  let bytes: Buffer = Buffer.alloc(0)
  let runs = 0

  async function run(): Promise<void> {
    const began = performance.now()
    const leadsOn = await isNew(bytes)
    if (performance.now() - began > slowMs) throw new Error(`It took more than ${slowMs} ms`)
    if (leadsOn) corpus.push(bytes)
    runs += 1
  }
  const any = (): Buffer => corpus[Math.floor(random() * corpus.length)] ?? Buffer.alloc(0)
  try {
    for (bytes of inputsOf(name, target)) await run()
    const until = performance.now() + Number(values.seconds) * 1000
    while (performance.now() < until) {
      bytes = mutated(any(), { random, other: any(), tokens: target.tokens, mostBytes: target.mostBytes })
      await run()
    }
  } catch (error) {
    console.log(`${name}: BROKEN after ${runs} inputs by ${keep(name, bytes)}`, error)
    return false
  }
  console.log(`${name}: ${runs} inputs, ${corpus.length} of them led somewhere new, none broke it`)
  if (values.keep) keepOnly(name, corpus.slice(0, mostKept))
  return true
}

const held: boolean[] = []
for (const name of positionals.length > 0 ? positionals : targetNames) held.push(await fuzz(name))
process.exitCode = held.every(Boolean) ? 0 : 1
