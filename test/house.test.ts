/** The rules that keep the code in order: who may import whom, who owns which package, how long a file may be. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/config.ts'

const source = join(packageRoot, 'src')
const maxLines = 300

/** From the outside in. An import may only go to a later row; those in one row do not know each other. */
const layers = [
  ['main'],
  ['cli'],
  ['pull'],
  ['app'],
  ['doors'],
  ['http', 'inference'],
  ['image', 'engine', 'admission'],
  ['model', 'net'],
  ['metrics', 'config', 'errors', 'red-square', 'moving-average', 'hundredths'],
]

/** A folder owns for all of its files. */
const owners: Record<string, string[]> = {
  '@fastify/bearer-auth': ['http/guards'],
  '@fastify/cors': ['http/guards'],
  '@fastify/helmet': ['http/guards'],
  '@fastify/multipart': ['http/upload'],
  '@fastify/rate-limit': ['http/guards'],
  '@fastify/static': ['doors/page'],
  '@fastify/swagger': ['doors/docs'],
  '@fastify/swagger-ui': ['doors/docs'],
  '@prometheus-io/client': ['metrics'],
  ajv: ['inference/json-schema'],
  re2js: ['inference/json-schema'],
  '@huggingface/gguf': ['model/gguf'],
  'close-with-grace': ['cli/serve'],
  commander: ['main'],
  'eventsource-parser': ['engine/client', 'cli/ask'],
  execa: ['engine/child'],
  fastify: ['app', 'doors', 'http'],
  'file-type': ['image/decode'],
  'ipaddr.js': ['net/addresses'],
  'p-queue': ['cli/caption'],
  'proper-lockfile': ['pull/lock'],
  pino: ['cli/serve', 'cli/with-service'],
  sharp: ['image/decode', 'image/prepare', 'image/encode'],
  undici: [
    'engine/client',
    'net/guarded-fetch',
    'cli/ask',
    'cli/probe',
    'cli/until-healthy',
    'pull/requests',
  ],
}

type Import = { from: string; to: string }

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)
const linesOf = (file: string): string[] => readFileSync(join(source, file), 'utf8').split('\n')
const named = (file: string): string => file.replace(/\.ts$/, '')

const imports: Import[] = files.flatMap((file) =>
  linesOf(file).flatMap((line) => {
    const target = /(?:from|^import) '([^']+)'/.exec(line)?.[1]
    return target ? [{ from: file, to: target }] : []
  }),
)

const owns = (owner: string, { from }: Import) => named(from) === owner || from.startsWith(`${owner}/`)
const isOurs = ({ to }: Import) => to.startsWith('.')
const partOf = (file: string): string => named(file).split('/')[0] ?? ''
const layerOf = (part: string): number => layers.findIndex((row) => row.includes(part))

t.test('every part of the house has its place', (t) => {
  for (const file of files) t.ok(layerOf(partOf(file)) >= 0, file)
  t.end()
})

t.test('imports go inwards, types too', (t) => {
  for (const one of imports.filter(isOurs)) {
    const target = partOf(relative(source, resolve(source, one.from, '..', one.to)))
    const from = partOf(one.from)
    t.ok(from === target || layerOf(target) > layerOf(from), `${one.from} imports ${one.to}`)
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
  for (const file of files) t.ok(linesOf(file).length <= maxLines, `${file}: ${linesOf(file).length} lines`)
  t.end()
})
