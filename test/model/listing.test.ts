import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { listModels } from '../../src/model/listing.ts'

const loaded = { name: 'demo', bytes: 7, modified: new Date(0) }

t.test('the served model comes first, then the models of the folder, without projectors', async (t) => {
  const folder = t.testdir({
    'b.gguf': 'bb',
    'a.gguf': 'a',
    'a-mmproj-f16.gguf': 'p',
    'MMPROJ-b.gguf': 'p',
    'llama-projector.gguf': 'p',
    'notes.txt': '',
    'demo.gguf.part': '',
  })
  mkdirSync(join(folder, 'folder.gguf'))
  const models = await listModels(folder, loaded)
  t.same(
    models.map(({ name, bytes }) => [name, bytes]),
    [
      ['demo', 7],
      ['a.gguf', 1],
      ['b.gguf', 2],
    ],
  )
  t.same(models[1]?.modified, statSync(join(folder, 'a.gguf')).mtime)
})

t.test('the served model is listed once, and alone where there is no folder', async (t) => {
  const folder = t.testdir()
  writeFileSync(join(folder, 'demo.gguf'), '')
  t.same(await listModels(folder, { ...loaded, name: 'demo.gguf' }), [{ ...loaded, name: 'demo.gguf' }])
  t.same(await listModels('/nowhere', loaded), [loaded])
})
