import t from 'tap'
import { loadConfig } from '../../src/config.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { sourceName } from '../../src/model/source-name.ts'

t.test('an address is told without what opens it', (t) => {
  const cases: [source: string, name: string][] = [
    ['https://me:secret@host/a/m.gguf?X-Signature=secret#secret', 'https://host/a/m.gguf'],
    ['http://Host:8080/m.gguf', 'http://host:8080/m.gguf'],
    ['https://', 'https://'],
    ['hf:owner/repo:Q4_K_M', 'hf:owner/repo:Q4_K_M'],
    ['ollama:a:b', 'ollama:a:b'],
    ['m?.gguf', 'm?.gguf'],
    ['', ''],
  ]
  for (const [source, name] of cases) {
    t.equal(sourceName(source), name)
    t.equal(sourceName(name), name, 'once more')
  }
  t.end()
})

t.test('the name that answers and /health tell holds no secret', (t) => {
  const { name } = modelSettings(loadConfig({ MODEL_NAME: 'https://me:secret@host/m.gguf?key=secret' }))
  t.equal(name, 'https://host/m.gguf')
  t.end()
})
