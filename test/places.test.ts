import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../src/config.ts'
import { usualModels, usualStore, withHome } from '../src/places.ts'

t.test('the home folder is known where no shell named it', (t) => {
  const env = { HOME: '/home/me' }
  t.equal(withHome('~/a/b', env), '/home/me/a/b')
  t.equal(withHome('~', env), '/home/me')
  for (const path of ['a/~/b', '~somebody/a', '/a', '']) t.equal(withHome(path, env), path)
  t.end()
})

t.test('models lie where the container has them, else in a folder of their own', (t) => {
  const HOME = t.testdir({ models: {} })
  t.equal(usualModels({ HOME }, join(HOME, 'models')), join(HOME, 'models'))
  t.equal(usualModels({ HOME }, '/nowhere'), join(HOME, '.local/share/llama-vision'))
  t.equal(usualModels({ HOME, XDG_DATA_HOME: '/data' }, '/nowhere'), '/data/llama-vision')
  t.end()
})

t.test("Ollama's folder is found where models lie in it", (t) => {
  const HOME = t.testdir({ '.ollama': { id_ed25519: '' }, other: {} })
  t.equal(usualStore({ HOME }), '/ollama', 'a key alone is no store')
  mkdirSync(join(HOME, '.ollama/models/manifests'), { recursive: true })
  t.equal(loadConfig({ HOME }).OLLAMA_STORE, join(HOME, '.ollama'))
  const own = join(HOME, 'other')
  t.equal(usualStore({ HOME, OLLAMA_MODELS: own }), join(HOME, '.ollama'))
  mkdirSync(join(own, 'manifests'))
  t.equal(usualStore({ HOME, OLLAMA_MODELS: own }), own, "as Ollama's own setting says")
  t.equal(loadConfig({ HOME, OLLAMA_STORE: own }).OLLAMA_STORE, own)
  t.end()
})
