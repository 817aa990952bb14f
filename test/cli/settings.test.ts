/** Every setting with values that it cannot have, and what is told of them. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { judgedSettings, misspeltSettings, requireGuard, serviceSettings } from '../../src/cli/settings.ts'
import { loadConfig, settings } from '../../src/config.ts'

const integers = [
  '1.5',
  '-1',
  '1e3',
  '0x10',
  '1_000',
  '5 000',
  '60s',
  '2GiB',
  'NaN',
  'Infinity',
  '1,5',
  '9'.repeat(30),
]
const choices = ['true', 'yes', 'ON', 'auto,on', '2']
const lists = ['a.example,,b.example', ',', 'a.example,', 'a\nb']
const addresses = ['http//x', 'a b', 'https://a b', 'x/path', 'user@x']

/** For each setting what it must refuse; those of its kind come first. */
const wrong: Record<string, string[]> = {
  MODEL_NAME: [
    'a\nb.gguf',
    'ollama:',
    'ollama:a b',
    'hf:owner',
    'hf:owner/repo:',
    'ftp://host/m.gguf',
    'https://',
  ],
  MODEL_PATH: ['a\tb', 'package.json'],
  OLLAMA_STORE: ['a\tb', 'package.json'],
  MMPROJ_NAME: ['a\nb.gguf'],
  MODEL_ALIASES: [...lists],
  PORT: [...integers, '65536', 'http'],
  HOST: [
    'http://127.0.0.1',
    'localhost:5000',
    '[::1]',
    '127.1',
    '0x7f000001',
    '2130706433',
    'a b',
    '1.2.3.4/24',
    '10.0.0.256',
  ],
  IMAGE_URL_ALLOW: [...lists, ...addresses, 'ftp://a.example', 'a.example:99999'],
  API_KEYS: [...lists, 'one two', 'schl\u00fcssel'],
  ALLOWED_HOSTS: [...lists, ...addresses, 'https://a.example', 'a.example:80', '*.'],
  TRUST_PROXY: [...lists, ...addresses, 'proxy', '10.0.0.0/33', '10.0.0', '0.0.0.0/0', 'true'],
  CORS_ORIGINS: [
    ...lists,
    ...addresses,
    'foo',
    'a.example',
    'https://a.example/path',
    'https://*.a.example',
    'https://',
  ],
  ENGINE_PATH: ['/nowhere/llama-server', '/tmp', 'package.json', 'a\nb'],
}

const kindOf = (name: string): string[] | undefined => {
  const schema = settings.properties[name as keyof typeof settings.properties]
  if (schema.type === 'integer') return [...integers, String(Number(schema.maximum) + 1)]
  return schema.anyOf ? choices : undefined
}

t.test('a wrong value of any setting is told by its name, and nothing else is wrong', (t) => {
  for (const name of Object.keys(settings.properties)) {
    const values = wrong[name] ?? kindOf(name) ?? []
    t.ok(values.length > 0, `${name} has wrong values`)
    for (const value of values) {
      const told = () => serviceSettings({ [name]: value, ALLOW_OPEN: name === 'ALLOW_OPEN' ? value : '1' })
      t.throws(told, { name: 'ConfigError', message: new RegExp(`^${name}\\b[^\\n]*$`) }, `${name}=${value}`)
    }
  }
  t.end()
})

t.test('what is right passes', (t) => {
  const program = join(t.testdir(), 'llama-server')
  writeFileSync(program, '')
  chmodSync(program, 0o755)
  const right = {
    MODEL_NAME: [
      'm.gguf',
      '/a/m.gguf',
      'demo',
      'ollama:llama3.2-vision:11b',
      'hf:owner/repo',
      'hf:owner/repo:Q4_K_M',
      'hf:owner/repo/sub/m.gguf',
      'https://host/m.gguf',
      'http://host:1/m.gguf?key=a',
      'llama3.2-vision:11b',
    ],
    MODEL_PATH: ['models', '/nowhere', '~'],
    HOST: ['localhost', '::', '::1', '0.0.0.0', 'fe80::1', 'my-host.lan', 'MY_HOST'],
    IMAGE_URL_ALLOW: ['*', 'a.example, *.b.example', 'http://a.example:8080'],
    API_KEYS: ['a', 'sk-1, sk-2'],
    ALLOWED_HOSTS: ['*', '*.a.example,b.example'],
    TRUST_PROXY: ['loopback, 10.0.0.0/8', 'fd00::/8'],
    CORS_ORIGINS: [
      '*',
      'null',
      'https://a.example',
      'HTTP://A.example:80/',
      'chrome-extension://abc, capacitor://localhost',
    ],
    ENGINE_PATH: [program],
    PORT: ['0', '65535', '05000'],
  }
  for (const [name, values] of Object.entries(right))
    for (const value of values)
      t.doesNotThrow(() => serviceSettings({ ALLOW_OPEN: '1', [name]: value }), `${name}=${value}`)
  t.end()
})

t.test('all faults are told at once, a line each, and no key with them', (t) => {
  const { faults } = judgedSettings({
    SLOTS: '1.5',
    CORS_ORIGINS: 'foo',
    IMAGE_URL_ALLOW: 'http//x',
    API_KEYS: 'se cret',
  })
  t.match(faults, [/^SLOTS /, /^IMAGE_URL_ALLOW /, /^API_KEYS: key 1 of 1 /, /^CORS_ORIGINS /])
  t.equal(faults.length, 4)
  t.notMatch(faults.join(), /cret/)
  t.end()
})

t.test('a name that is nearly a setting is told with the one that is near', (t) => {
  const told = (name: string) => misspeltSettings({ [name]: '1' })
  for (const [name, meant] of Object.entries({
    MODLE_NAME: 'MODEL_NAME',
    SLOT: 'SLOTS',
    model_name: 'MODEL_NAME',
    LOGLEVEL: 'LOG_LEVEL',
    API_KEY: 'API_KEYS',
    CORS_ORIGN: 'CORS_ORIGINS',
    QUEUE_TIME_OUT: 'QUEUE_TIMEOUT',
  }))
    t.same(told(name), [`${name} is no setting and changes nothing; was ${meant} meant?`])
  for (const name of [
    'HOME',
    'PATH',
    'TERM',
    'HOSTNAME',
    'USER',
    'PWD',
    'SHELL',
    'NODE_OPTIONS',
    'OLLAMA_HOST',
    'HF_TOKEN',
    'MODULEPATH',
    'A'.repeat(10_000),
  ])
    t.same(told(name), [], name.slice(0, 20))
  t.same(misspeltSettings({ SLOTS: '1', SLOT: '' }), [])
  t.end()
})

t.test('strangers need a key, unless it is said that they do not', (t) => {
  const guard = (env: Record<string, string>) => () => requireGuard(loadConfig(env))
  t.throws(guard({ HOST: '0.0.0.0' }), /set API_KEYS, or ALLOW_OPEN=1/)
  t.throws(guard({ HOST: '::' }), /HOST is ::/)
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
