/** What is written down of a source: enough to find the model again, and nothing that opens it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { locateModel, pulledFile } from '../../src/model/locate.ts'
import { recordPulled } from '../../src/pull/record.ts'
import { type File, puller, sendFile, serve, someGguf } from '../support/pull-server.ts'

t.test(
  'nothing that a pull leaves holds a password or a signature, and its address finds the model',
  async (t) => {
    const file: File = { bytes: someGguf(1000) }
    const { url, asked } = await serve(t, (request, response) => sendFile(file, request, response))
    const { folder, run } = puller(t)
    const source = `${url.replace('//', '//me:secret@')}/m.gguf?X-Signature=secret`
    await run(source)
    t.ok(
      asked.some((request) => request.url?.includes('X-Signature=secret')),
      'the server was told',
    )
    for (const name of readdirSync(folder).filter((name) => name.endsWith('.json')))
      t.notMatch(readFileSync(join(folder, name), 'utf8'), /secret/, name)
    for (const name of [source, `${url}/m.gguf`, `${url}/m.gguf?X-Signature=another`])
      t.match(await locateModel({ name, folder, mmproj: '', ollamaStore: '' }), {
        path: join(folder, 'm.gguf'),
      })
    await t.rejects(locateModel({ name: `${url}/n.gguf?key=secret`, folder, mmproj: '', ollamaStore: '' }), {
      message: `${url}/n.gguf has not been fetched into ${folder}, which MODEL_PATH names; run: llama-vision pull ${url}/n.gguf`,
    })
  },
)

t.test('a list of before finds its models still, and loses its secrets with the next pull', async (t) => {
  const old = { 'https://me:secret@host/m.gguf?key=secret': ['m.gguf'], 'hf:a/b': ['b.gguf'] }
  const folder = t.testdir({ [pulledFile]: JSON.stringify(old) })
  const place = { name: 'https://host/m.gguf', folder, mmproj: '', ollamaStore: '' }
  t.match(await locateModel(place), { path: join(folder, 'm.gguf') })
  await recordPulled(folder, 'hf:c/d', ['d.gguf'])
  t.strictSame(JSON.parse(readFileSync(join(folder, pulledFile), 'utf8')), {
    'https://host/m.gguf': ['m.gguf'],
    'hf:a/b': ['b.gguf'],
    'hf:c/d': ['d.gguf'],
  })
})
