/** Readers of strangers' bytes hold their promises on all that fuzzing kept, and on a few changes of each. */
import { join } from 'node:path'
import t from 'tap'
import { inputsOf, targetNames } from './corpus.ts'
import { mutated, seeded } from './mutate.ts'
import type { Target } from './target.ts'

const changesEach = 20

for (const name of targetNames) {
  t.test(name, async (t) => {
    const { target } = (await import(join(import.meta.dirname, 'targets', `${name}.ts`))) as {
      target: Target
    }
    const random = seeded(7)
    const inputs = inputsOf(name, target)
    t.ok(inputs.length >= 4, `${inputs.length} inputs`)
    for (const input of inputs) {
      await target.run(input)
      for (let change = 0; change < changesEach; change += 1) {
        const other = inputs[Math.floor(random() * inputs.length)] ?? input
        await target.run(mutated(input, { random, other, ...target }))
      }
    }
    t.pass('all of them')
  })
}
