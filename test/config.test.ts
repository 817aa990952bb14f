import fc from 'fast-check'
import t from 'tap'
import { ConfigError, loadConfig, packageRoot, requireGuard, settings } from '../src/config.ts'

t.test('an empty environment gives the documented defaults', (t) => {
  t.match(loadConfig({}), {
    MODEL_NAME: 'llama-3.2-11b-vision-instruct-q4_k_m.gguf',
    MODEL_PATH: '/models',
    PORT: 5000,
    HOST: '127.0.0.1',
    CONTEXT_SIZE: 2048,
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

t.test('strangers need a key, unless it is said that they do not', (t) => {
  const guard = (env: Record<string, string>) => () => requireGuard(loadConfig(env))
  t.throws(guard({ HOST: '0.0.0.0' }), /set API_KEYS, or ALLOW_OPEN=1/)
  t.throws(guard({ HOST: '::', API_KEYS: ' , ' }), /HOST is ::/)
  for (const env of [
    {},
    { HOST: 'localhost' },
    { HOST: '::1' },
    { HOST: '127.1.2.3' },
    { HOST: '0.0.0.0', ALLOW_OPEN: '1' },
    { HOST: '0.0.0.0', API_KEYS: 'a' },
  ])
    t.doesNotThrow(guard(env), JSON.stringify(env))
  t.end()
})
