import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ConfigError, loadConfig, packageRoot, settings } from '../src/config.ts'

t.test('an empty environment gives the documented defaults', (t) => {
  t.match(loadConfig({}), {
    MODEL_NAME: 'llama-3.2-11b-vision-instruct-q4_k_m.gguf',
    PORT: 5000,
    HOST: '127.0.0.1',
    CONTEXT_SIZE: 0,
    SLOTS: 1,
  })
  t.end()
})

t.test('an empty variable counts as unset, and numbers are read from text', (t) => {
  t.match(loadConfig({ PORT: '', SLOTS: '3', MODEL_NAME: 'x.gguf' }), {
    PORT: 5000,
    SLOTS: 3,
    MODEL_NAME: 'x.gguf',
  })
  t.end()
})

t.test('space around a value is none of it: files of settings may end their lines as Windows does', (t) => {
  t.match(loadConfig({ PORT: '5001\r', LOG_LEVEL: ' debug ', MODEL_NAME: 'x.gguf ', SLOTS: ' \t' }), {
    PORT: 5001,
    LOG_LEVEL: 'debug',
    MODEL_NAME: 'x.gguf',
    SLOTS: 1,
  })
  t.end()
})

t.test('paths hold wherever the engine runs, and know the home folder', (t) => {
  const config = loadConfig({
    HOME: '/home/me',
    MODEL_PATH: 'models',
    OLLAMA_STORE: '~/.ollama',
    ENGINE_PATH: '../llama-server',
    MODEL_NAME: '~/downloads/m.gguf',
    MMPROJ_NAME: 'sub/mmproj.gguf',
  })
  t.match(config, {
    MODEL_PATH: join(process.cwd(), 'models'),
    OLLAMA_STORE: '/home/me/.ollama',
    ENGINE_PATH: join(process.cwd(), '../llama-server'),
    MODEL_NAME: '/home/me/downloads/m.gguf',
    MMPROJ_NAME: 'sub/mmproj.gguf',
  })
  t.equal(loadConfig({}).ENGINE_PATH, '')
  t.end()
})

t.test('every wrong variable is named at once, with what it may be', (t) => {
  t.throws(() => loadConfig({ PORT: '99999', SLOTS: 'two', VISION_CHECK: 'maybe' }), {
    name: 'ConfigError',
    message: [
      'PORT must be an integer from 0 to 65535, got "99999"',
      'SLOTS must be an integer from 1 to 64, got "two"',
      'VISION_CHECK must be one of auto, on, off, got "maybe"',
    ].join('\n'),
  })
  t.end()
})

t.test('whatever the environment holds, the answer is settings or a ConfigError', (t) => {
  const names = Object.keys(settings.properties)
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), fc.string()), (env) => {
      try {
        const config = loadConfig(env)
        return Number.isInteger(config.PORT) && config.SLOTS >= 1
      } catch (error) {
        return error instanceof ConfigError
      }
    }),
  )
  t.end()
})

t.test('every setting has a sentence', (t) => {
  for (const [name, schema] of Object.entries(settings.properties)) t.match(schema.description, /\.$/, name)
  t.match(packageRoot, /\/\w/)
  t.end()
})

t.test('a number that may be automatic is 0, or no less than makes sense', (t) => {
  t.equal(loadConfig({ CONTEXT_SIZE: '0' }).CONTEXT_SIZE, 0)
  t.equal(loadConfig({ CONTEXT_SIZE: '256' }).CONTEXT_SIZE, 256)
  t.throws(() => loadConfig({ CONTEXT_SIZE: '100' }), {
    message: 'CONTEXT_SIZE must be 0, or an integer from 256 to 1048576, got "100"',
  })
  t.end()
})
