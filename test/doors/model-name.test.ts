import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { isNameOf, listedNames, requireModel } from '../../src/doors/model-name.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { refusal } from '../support/refusal.ts'

const named = (MODEL_NAME: string, MODEL_ALIASES = '') =>
  modelSettings(loadConfig({ MODEL_NAME, MODEL_ALIASES }))

const model = named('tiny.gguf', 'llama3.2-vision, eyes:11b')

t.test('a model is known by its file, its other names, and what clients put around either', (t) => {
  for (const name of [
    ...[undefined, null, ''],
    ...['tiny.gguf', 'tiny', 'TINY.GGUF', 'tiny:latest', 'tiny.gguf:latest', 'Tiny.gguf:LATEST'],
    ...['llama3.2-vision', 'llama3.2-vision:latest', 'ollama:llama3.2-vision', 'hf:tiny', 'HF:Tiny'],
    ...['registry.ollama.ai/library/llama3.2-vision:latest', 'library/llama3.2-vision'],
    ...['eyes:11b', 'eyes:11b:latest'],
  ])
    t.equal(requireModel(model, name), model, String(name))
  t.end()
})

t.test('the name of another is told which one there is', (t) => {
  for (const name of [
    ...['other', 'tin', 'tinyy', 'tiny.gguf.bak', 'tiny:latest.1', 'tiny:7b', 'eyes', 'my-hf:tiny'],
    ...['.gguf', ':latest', 'tihf:ny', 'ti:latestny', 'ti.ggufny', `tiny${' '.repeat(2000)}`],
    ...['library', 'library/', 'my-library/tiny', 'registry.ollama.ai/me/tiny', 'tiny/library'],
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

t.test(
  "a model of a store answers to its tag, without one and as the latest; another tag is another's",
  (t) => {
    const stored = named('ollama:llama3.2-vision:11b')
    for (const name of [
      ...['llama3.2-vision', 'llama3.2-vision:11b', 'llama3.2-vision:latest', 'Llama3.2-Vision:11B'],
      ...['ollama:llama3.2-vision:11b', 'library/llama3.2-vision:11b', 'ollama:llama3.2-vision'],
      ...['registry.ollama.ai/library/llama3.2-vision:11b', 'registry.ollama.ai/library/llama3.2-vision'],
    ])
      t.ok(isNameOf(stored, name), name)
    for (const name of [
      'llava',
      'llama3.2-vision:90b',
      'llama3.2-vision-fake',
      'llama3.2',
      '11b',
      'vision:11b',
    ])
      t.notOk(isNameOf(stored, name), name)
    t.equal(
      refusal(() => requireModel(stored, 'llava')).message,
      'The model llava is not loaded; this service answers as llama3.2-vision:11b',
    )
    t.ok(isNameOf(named('ollama:registry.ollama.ai/library/llama3.2-vision:11b'), 'llama3.2-vision'))
    t.end()
  },
)

t.test('models of Hugging Face, of an address or of a path answer to what tells them apart', (t) => {
  const repository = named('hf:Some/Model-GGUF:Q4_K_M')
  for (const name of [
    ...['hf:some/model-gguf:q4_k_m', 'Some/Model-GGUF', 'hf.co/Some/Model-GGUF:Q4_K_M'],
    ...['huggingface.co/Some/Model-GGUF:latest'],
  ])
    t.ok(isNameOf(repository, name), name)
  for (const name of ['Model-GGUF', 'Some/Model-GGUF:Q8_0', 'Other/Model-GGUF'])
    t.notOk(isNameOf(repository, name), name)
  for (const given of [
    'https://example.com/some/eyes.gguf?token=secret',
    'hf:owner/repo/eyes.gguf',
    'sub/eyes.gguf',
    '/models/eyes.gguf',
  ]) {
    const model = named(given)
    for (const name of ['eyes', 'eyes.gguf', 'Eyes:latest', model.name]) t.ok(isNameOf(model, name), name)
    t.notOk(isNameOf(model, 'repo'))
    t.strictSame(listedNames(model), ['eyes.gguf', 'eyes', 'eyes:latest'])
  }
  t.end()
})

t.test('every name that is listed is answered, and each is listed once', (t) => {
  for (const [model, names] of [
    [
      named('tiny.gguf', 'tiny, TINY:latest, eyes:11b, gpt-4o, eyes:11b'),
      ['tiny.gguf', 'tiny', 'tiny:latest', 'eyes:11b', 'gpt-4o', 'gpt-4o:latest'],
    ],
    [
      named('ollama:llama3.2-vision:11b', 'llama3.2-vision'),
      ['llama3.2-vision:11b', 'llama3.2-vision', 'llama3.2-vision:latest'],
    ],
    [named('ollama:me/eyes'), ['me/eyes', 'me/eyes:latest']],
    [named('hf:a/b:Q8_0'), ['a/b:Q8_0', 'a/b', 'a/b:latest']],
    [named('demo'), ['demo', 'demo:latest']],
  ] as const) {
    t.strictSame(listedNames(model), names)
    for (const name of names) t.equal(requireModel(model, name), model)
  }
  t.end()
})
