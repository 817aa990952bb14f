import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { batchSize, engineCommand } from '../../src/engine/command.ts'
import { memoryNeed } from '../../src/engine/resources.ts'
import { findModel } from '../../src/model/facts.ts'
import { ModelProblem } from '../../src/model/model-problem.ts'
import type { ModelSettings } from '../../src/model/settings.ts'
import { writeModelPair } from '../support/fake-engine.ts'
import { hostileFiles, selected } from '../support/hostile-gguf.ts'
import { smallShape, writeTinyModel } from '../support/tiny-llama-vision.ts'

const settings = (folder: string, name: string): ModelSettings => ({
  folder,
  name,
  mmproj: '',
  ollamaStore: '/nowhere',
  aliases: [],
  contextTokens: 4096,
  maxImages: 8,
  maxTiles: 0,
  slots: 1,
  imageMaxTokens: 0,
  promptCacheMib: 0,
  precision: 'auto' as const,
})

const surroundings = { threads: 1, socketPath: '/s', homePath: '/h' }

/** What comes of a model: what it is refused for, or numbers that can be counted with. */
async function outcome(model: ModelSettings): Promise<string> {
  try {
    const facts = await findModel(model)
    const { total } = memoryNeed(facts, model, batchSize(facts))
    const words = engineCommand(model, facts, surroundings).arguments
    if (!(total > 0 && total < Number.MAX_VALUE)) return `needs ${total} bytes`
    const odd = words.find((word) => /NaN|Infinity|undefined|e\+|^\d+\.\d/.test(word))
    return odd === undefined ? 'runs' : `the engine is told ${odd}`
  } catch (error) {
    if (!(error instanceof ModelProblem)) return `failed: ${error}`
    const named = error.message.includes(model.folder)
    return named && !/\p{Cc}/u.test(error.message) ? 'refused' : `unclear: ${error.message}`
  }
}

/** More of them in the proof. */
const count = Number(process.env.HOSTILE_FILES ?? 120)

t.test('whatever a model file says, it is refused with a reason or counted with', async (t) => {
  const folder = t.testdir()
  const honest = join(folder, 'honest')
  mkdirSync(honest)
  writeModelPair(honest)
  const vision = { ...smallShape.vision, layers: 1, globalLayers: 1, intermediate: [0] }
  writeTinyModel(honest, 'ours', { ...smallShape, layers: 3, cross: [1], vision })
  const tried: Record<string, number> = { runs: 0, refused: 0 }
  for (const [file, seed] of [
    ['tiny.gguf', 1],
    ['tiny-mmproj.gguf', 2],
    ['ours.gguf', 3],
  ] as const) {
    const files = hostileFiles(readFileSync(join(honest, file)), 100, seed)
    for (const { what, bytes } of selected(files, Math.ceil(count / 3), seed)) {
      writeModelPair(folder)
      writeFileSync(join(folder, file), bytes())
      const result = await outcome(settings(folder, file === 'tiny-mmproj.gguf' ? 'tiny.gguf' : file))
      tried[result] = (tried[result] ?? 0) + 1
      if (result !== 'runs' && result !== 'refused') t.fail(`${file}, ${what}: ${result}`)
    }
  }
  t.comment(tried)
  t.ok((tried.refused ?? 0) > (tried.runs ?? 0))
})
