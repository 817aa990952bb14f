/** Where the engine is looked for, and what a person is told who has none. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/config.ts'
import { engineIsMissing } from '../../src/engine/child.ts'
import { places, placesOf } from '../../src/engine/places.ts'

/** A folder with these files, which may be empty. */
function rootWith(t: Test, ...files: string[]): string {
  const root = t.testdir()
  for (const file of files) {
    mkdirSync(join(root, file, '..'), { recursive: true })
    writeFileSync(join(root, file), '')
  }
  return root
}

t.test('a checkout has it beside its sources', (t) => {
  t.match(places, { engine: join(packageRoot, '.engine'), confine: join(packageRoot, 'dist/engine/confine') })
  const root = rootWith(t, 'scripts/setup.sh')
  t.match(placesOf(root, '1.0.0', { HOME: '/home/a' }), {
    engine: join(root, '.engine'),
    confine: join(root, 'dist/engine/confine'),
    command: 'bash scripts/setup.sh',
  })
  t.end()
})

t.test('an installed package has it in the cache of its user, each version its own', (t) => {
  const at = (env: NodeJS.ProcessEnv) => placesOf('/usr/lib/node_modules/llama-vision', '1.0.0', env)
  t.same(at({ HOME: '/home/a' }), {
    cache: '/home/a/.cache/llama-vision',
    engine: '/home/a/.cache/llama-vision/set-up/1.0.0/engine',
    confine: '/home/a/.cache/llama-vision/set-up/1.0.0/confine',
    command: 'llama-vision setup',
  })
  t.equal(at({ HOME: '/home/a', XDG_CACHE_HOME: '/cache' }).cache, '/cache/llama-vision')
  t.equal(at({ HOME: '/home/a', LLAMA_VISION_CACHE: 'here' }).cache, join(process.cwd(), 'here'))
  t.equal(at({}).cache, '/.cache/llama-vision', 'who has no home')
  t.end()
})

t.test('the image brings what confines its engine', (t) => {
  const root = rootWith(t, 'dist/engine/confine')
  t.equal(placesOf(root, '1.0.0', {}).confine, join(root, 'dist/engine/confine'))
  t.end()
})

t.test('an engine that is missing is told with what would bring it', (t) => {
  t.match(
    engineIsMissing({ ENGINE_PATH: '' }),
    /not built yet; run: bash scripts\/setup\.sh \(.*\.engine\/bin/,
  )
  const installed = placesOf('/nowhere', '1.0.0', { HOME: '/home/a' })
  t.match(engineIsMissing({ ENGINE_PATH: '' }, installed), /not built yet; run: llama-vision setup \(/)
  t.match(engineIsMissing({ ENGINE_PATH: '/x' }), /^ENGINE_PATH is \/x, which is missing or not executable/)
  t.end()
})
