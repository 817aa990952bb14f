import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { requireModel } from '../../src/doors/model-name.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { refusal } from '../support/refusal.ts'

const model = modelSettings(
  loadConfig({ MODEL_NAME: 'tiny.gguf', MODEL_ALIASES: 'llama3.2-vision, eyes:11b' }),
)

t.test('a model is known by its file, its other names, and what clients put around either', (t) => {
  for (const name of [
    ...[undefined, null, ''],
    ...['tiny.gguf', 'tiny', 'TINY.GGUF', 'tiny:latest', 'tiny.gguf:latest', 'Tiny.gguf:LATEST'],
    ...['llama3.2-vision', 'llama3.2-vision:latest', 'ollama:llama3.2-vision', 'hf:tiny', 'HF:Tiny'],
    ...['eyes:11b', 'eyes:11b:latest'],
  ])
    t.equal(requireModel(model, name), model, String(name))
  t.end()
})

t.test('the name of another is told which one there is', (t) => {
  for (const name of [
    ...['other', 'tin', 'tinyy', 'tiny.gguf.bak', 'tiny:latest.1', 'tiny:7b', 'eyes', 'my-hf:tiny'],
    ...['.gguf', ':latest', 'tihf:ny', 'ti:latestny', 'ti.ggufny', `tiny${' '.repeat(2000)}`],
  ]) {
    const { code, facts } = refusal(() => requireModel(model, name))
    t.equal(code, 'model_not_found', name)
    t.same(facts, {
      field: 'model',
      actual: name.slice(0, 200),
      expected: 'tiny.gguf, llama3.2-vision, eyes:11b',
    })
  }
  t.end()
})
