/** The image, the compose file and the examples of proxies agree with the settings. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig, packageRoot, settings } from '../src/config.ts'

const read = (path: string): string => readFileSync(join(packageRoot, path), 'utf8')
const compose = read('docker-compose.yml')
const dockerfile = read('Dockerfile')
const operations = read('docs/operations.md')
const names = Object.keys(settings.properties)
const defaults = loadConfig({})

/** What the only match of a pattern holds. */
function only(text: string, pattern: RegExp): string {
  const found = [...text.matchAll(new RegExp(pattern, 'gm'))].map((match) => match[1] ?? '')
  if (found.length !== 1) throw new Error(`${found.length} times ${pattern}`)
  return found[0] ?? ''
}

const imageSettings = [...only(dockerfile, /^ENV ((?:.*\\\n)*.*)/).matchAll(/(\w+)=(\S+)/g)].map(
  ([, name = '', value = '']) => [name, value] as const,
)

t.test('what the image sets are settings', (t) => {
  t.ok(imageSettings.length >= 4)
  for (const [name] of imageSettings) t.ok(names.includes(name) || name === 'NODE_ENV', name)
  t.doesNotThrow(() => loadConfig(Object.fromEntries(imageSettings)))
  t.equal(only(dockerfile, /^EXPOSE (\d+)$/), String(defaults.PORT))
  t.end()
})

t.test('the compose file passes every setting on that a user may want', (t) => {
  const passed = [...compose.matchAll(/^ {6}([A-Z_]+): \$\{([A-Z_]+):-(.*)\}$/gm)]
  for (const [, name, from, value] of passed) {
    t.equal(from, name)
    t.equal(value, name === 'MODEL_NAME' ? 'demo' : '', `${name} keeps its default`)
  }
  const kept = [
    // Places inside the container, to which the file mounts folders and publishes the port.
    ...['MODEL_PATH', 'OLLAMA_STORE', 'PORT'],
    // Set by the image; passed on empty they would be unset.
    ...['HOST', 'ALLOW_OPEN', 'ENGINE_PATH'],
    // Goes with stop_grace_period.
    'SHUTDOWN_GRACE',
  ]
  t.same([...passed.map(([, name]) => name), ...kept].sort(), names.toSorted())
  for (const [name] of imageSettings)
    t.notOk(
      passed.some(([, one]) => one === name),
      name,
    )
  t.equal(only(compose, /- "\$\{BIND:-127\.0\.0\.1\}:\$\{PORT:-\d+\}:(\d+)"$/), String(defaults.PORT))
  t.equal(only(compose, /\$\{PORT:-(\d+)\}/), String(defaults.PORT))
  t.end()
})

t.test('who waits for the service waits longer than it takes', (t) => {
  const { SHUTDOWN_GRACE, REQUEST_TIMEOUT, MAX_BODY_MIB } = defaults
  const grace = only(compose, /stop_grace_period: (\d+)s$/)
  // What is left is for the last answers to leave and the engine to end.
  t.ok(Number(grace) >= SHUTDOWN_GRACE + 10)
  t.equal(only(operations, /stop_grace_period: (\d+)s/), grace)
  t.equal(Number(only(compose, /SHUTDOWN_GRACE \((\d+) s\)/)), SHUTDOWN_GRACE)
  t.ok(Number(only(operations, /proxy_read_timeout (\d+)s;/)) > REQUEST_TIMEOUT)
  t.ok(Number(only(operations, /response_header_timeout (\d+)s$/)) > REQUEST_TIMEOUT)
  t.equal(Number(only(operations, /client_max_body_size (\d+)m;/)), MAX_BODY_MIB)
  t.equal(Number(only(operations, /max_size (\d+)MiB$/)), MAX_BODY_MIB)
  t.end()
})
