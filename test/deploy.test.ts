/** The image, the compose file and the examples of proxies agree with the settings. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig, packageRoot, settings } from '../src/config.ts'
import { memoryEnv } from './support/service.ts'

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
  for (const [name] of imageSettings)
    t.ok(names.includes(name) || /^(NODE_ENV|MALLOC_MMAP_THRESHOLD_)$/.test(name), name)
  t.doesNotThrow(() => loadConfig(Object.fromEntries(imageSettings)))
  t.equal(only(dockerfile, /^EXPOSE (\d+)$/), String(defaults.PORT))
  t.end()
})

t.test('memory goes back in the image, by npm start and under test', (t) => {
  const [name = '', value] = Object.entries(memoryEnv)[0] ?? []
  t.equal(new Map(imageSettings).get(name), value)
  t.match(read('package.json'), new RegExp(`env ${name}=${value} node dist/main.js serve`))
  t.match(operations, `${name}=${value}`)
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

t.test('everything that an image is built from is pinned', (t) => {
  const argument = (name: string) => only(dockerfile, new RegExp(`^ARG ${name}=(\\S+)$`))
  const day = argument('DEBIAN_SNAPSHOT').replace(/T000000Z$/, '')
  t.match(day, /^20\d{6}$/)
  // The archive's day is the one of the image that packages are put into: earlier ones would not fit.
  t.match(argument('DEBIAN_IMAGE'), new RegExp(`^debian:bookworm-${day}-slim@sha256:[0-9a-f]{64}$`))
  t.match(argument('NODE_IMAGE'), /^node:\d+\.\d+\.\d+-bookworm-slim@sha256:[0-9a-f]{64}$/)
  const stages = [...dockerfile.matchAll(/^FROM (?:\$\{)?(\w+)/gm)].map(([, image]) => image)
  t.same(stages, ['NODE_IMAGE', 'engine', 'NODE_IMAGE', 'gateway', 'DEBIAN_IMAGE'])
  t.notMatch(
    dockerfile,
    /apt-get|curl |wget |npm (install|i) /,
    'by deploy/install-debian.sh and npm ci alone',
  )
  t.equal(dockerfile.match(/install-debian\.sh [a-z]/g)?.length, 2)
  t.equal(dockerfile.match(/^ARG DEBIAN_SNAPSHOT$/gm)?.length, 2, 'in each stage that installs')
  const args = only(compose, /^ {6}args: \[(.*)\]$/).split(', ')
  t.same(args, only(dockerfile, /^ARG (COMMIT SOURCE_DATE_EPOCH .*)$/).split(' '))
  t.end()
})

t.test('what the Dockerfile copies is part of what it is given', (t) => {
  const given = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1))
  const copies = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
    ([, paths]) => paths?.split(' ') ?? [],
  )
  t.ok(copies.length > 10)
  for (const path of copies)
    t.ok(
      given.some((name) => path === name || path.startsWith(`${name}/`)),
      path,
    )
  t.end()
})

t.test('a container has bounds, and no rights that it does not need', (t) => {
  const bound = (key: string) => only(compose, new RegExp(`^ {4}${key}: \\$\\{[A-Z_]+:-(\\w+)\\}$`))
  t.match(bound('mem_limit'), /^[1-9]\d*g$/)
  t.equal(bound('memswap_limit'), bound('mem_limit'), 'no swap beyond it')
  t.match(bound('pids_limit'), /^[1-9]\d+$/)
  t.equal(bound('cpus'), '0', 'all of them: a number would keep smaller machines from starting')
  t.match(compose, /^ {4}read_only: true$/m)
  t.match(compose, /^ {4}cap_drop: \[ALL\]$/m)
  t.match(compose, /^ {4}security_opt:\n {6}- no-new-privileges:true$/m)
  t.match(compose, /^ {4}tmpfs:\n {6}- \/tmp:size=\d+m,.*noexec,nosuid,nodev$/m)
  t.notMatch(compose, /privileged: true|cap_add|network_mode: host|docker\.sock/)
  t.match(dockerfile, /^USER 1000:1000$/m)
  t.equal(dockerfile.match(/CMD \["node", "--disable-sigusr1", "dist/g)?.length, 2, 'no debugger')
  t.end()
})
