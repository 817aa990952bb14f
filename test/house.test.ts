/** The rules that keep the code in order: who may import whom, who owns which package, how long a file may be. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/config.ts'

const maxLines = 300

/** From the outside in. An import may only go to a later row; those in one row do not know each other. */
const layers = [
  ['main'],
  ['cli'],
  ['setup'],
  ['pull'],
  ['app'],
  ['doors'],
  ['http', 'inference'],
  ['image', 'engine', 'admission'],
  ['model', 'net'],
  ['metrics', 'config', 'trouble'],
  [
    'errors',
    'expected-starts',
    'places',
    'setting-kinds',
    'spelling',
    'plain-squares',
    'moving-average',
    'hundredths',
    'plain-file',
    'printable',
    'bounded-process',
  ],
]

/** A folder owns for all of its files. */
const owners: Record<string, string[]> = {
  '@cwasm/nsbmp': ['image/bmp'],
  '@fastify/bearer-auth': ['http/guards'],
  '@fastify/busboy': ['http/form'],
  '@fastify/cors': ['http/guards'],
  '@fastify/rate-limit': ['http/guards'],
  '@fastify/static': ['doors/page'],
  '@fastify/swagger': ['doors/docs'],
  '@fastify/swagger-ui': ['doors/docs'],
  '@hyzyla/pdfium': ['image/pdf'],
  '@imagemagick/magick-wasm': ['image/jpeg2000'],
  '@modelcontextprotocol/sdk': ['doors/mcp', 'cli/mcp'],
  '@prometheus-io/client': ['metrics'],
  ajv: ['inference/json-schema'],
  re2js: ['inference/json-schema'],
  commander: ['main', 'cli/misuse'],
  'eventsource-parser': ['engine/wire', 'cli/ask'],
  execa: ['engine/child'],
  fastify: ['app', 'doors', 'http'],
  'file-type': ['image/recognise'],
  helmet: ['http/guards'],
  'ipaddr.js': ['net/addresses'],
  'p-queue': ['cli/caption', 'inference/json-checker'],
  'proper-lockfile': ['pull/lock'],
  pino: ['cli/log', 'cli/serve', 'cli/with-service'],
  tar: ['setup/unpack'],
  sharp: ['image/decode', 'image/encode', 'image/picture', 'image/memory'],
  undici: [
    'engine/client',
    'net/guarded-fetch',
    'cli/ask',
    'cli/probe',
    'cli/until-healthy',
    'cli/caption/patience',
    'pull/requests',
  ],
}

/** The rooms around the source, and what each may import of the others; none is imported by `src`. */
const rooms: Record<string, string[]> = {
  src: [],
  'models/drawings': [],
  'models/training': ['models/drawings', 'src/image'],
  scripts: ['src', 'test/support'],
  bench: ['src', 'models/drawings', 'test/support'],
  'test/support': ['src', 'test/support'],
  'test/proof': ['src', 'models/drawings', 'test/support', 'test/fuzz'],
  test: ['src', 'scripts', 'models/drawings', 'test/support'],
}

type Import = { from: string; to: string }

const tracked = execFileSync('git', ['ls-files', '*.ts', '*.js', '*.py', '*.sh'], {
  cwd: packageRoot,
  encoding: 'utf8',
})
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(packageRoot, file)))
const linesOf = (file: string): string[] => readFileSync(join(packageRoot, file), 'utf8').split('\n')
const importsOf = (file: string): Import[] =>
  linesOf(file).flatMap((line) => {
    const to = /(?:from|^import|import\() ?'([^']+)'/.exec(line)?.[1]
    return to ? [{ from: file, to }] : []
  })
const targetOf = ({ from, to }: Import): string => relative(packageRoot, resolve(packageRoot, from, '..', to))

const files = tracked.filter((file) => file.startsWith('src/') && file.endsWith('.ts'))
const named = (file: string): string => file.replace(/^src\/|\.ts$/g, '')
const imports = files.flatMap(importsOf)

const owns = (owner: string, { from }: Import) => named(from) === owner || named(from).startsWith(`${owner}/`)
const isOurs = ({ to }: Import) => to.startsWith('.')
const partOf = (file: string): string => named(file).split('/')[0] ?? ''
const layerOf = (part: string): number => layers.findIndex((row) => row.includes(part))
/** The longest name of a room that a path begins with. */
const roomOf = (file: string): string | undefined =>
  Object.keys(rooms)
    .filter((room) => file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]

t.test('every part of the house has its place', (t) => {
  for (const file of files) t.ok(layerOf(partOf(file)) >= 0, file)
  t.end()
})

t.test('imports go inwards, types too', (t) => {
  for (const one of imports.filter(isOurs)) {
    const target = partOf(targetOf(one))
    const from = partOf(one.from)
    t.ok(from === target || layerOf(target) > layerOf(from), `${one.from} imports ${one.to}`)
  }
  t.end()
})

t.test('the rooms around the source use it and each other as they may', (t) => {
  for (const file of tracked.filter((name) => name.endsWith('.ts'))) {
    const room = roomOf(file)
    t.ok(room, `${file} lies in a room`)
    for (const one of importsOf(file).filter(isOurs)) {
      const target = targetOf(one)
      const may = rooms[room ?? '']?.some((other) => target.startsWith(`${other}/`))
      t.ok(may || roomOf(target) === room, `${file} imports ${target}`)
    }
  }
  t.end()
})

t.test('each package has its owner, and each owner its package', (t) => {
  const packages = imports.filter((one) => !isOurs(one) && !one.to.startsWith('node:'))
  const nameOf = (target: string) =>
    target
      .split('/')
      .slice(0, target.startsWith('@') ? 2 : 1)
      .join('/')
  for (const one of packages) {
    const name = nameOf(one.to)
    // Schemas are written wherever the border is.
    if (name === '@sinclair/typebox' || name === '@fastify/type-provider-typebox') continue
    t.ok(
      owners[name]?.some((owner) => owns(owner, one)),
      `${one.from} imports ${name}`,
    )
  }
  for (const [name, parts] of Object.entries(owners)) {
    for (const part of parts)
      t.ok(
        packages.some((one) => nameOf(one.to) === name && owns(part, one)),
        `${part} uses ${name}`,
      )
  }
  t.end()
})

t.test(`no file is longer than ${maxLines} lines`, (t) => {
  for (const file of tracked) {
    const lines = linesOf(file).length - 1
    t.ok(lines <= maxLines, `${file}: ${lines} lines`)
  }
  t.end()
})
