/** What else may lie in the folder where pull wants to write: it is told of at once and stays as it was. */
import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pulledFile } from '../../src/model/locate.ts'
import { recordPulled } from '../../src/pull/record.ts'
import { type File, hub, problem, puller, sendFile, serve, someGguf } from '../support/pull-server.ts'
import { until } from '../support/until.ts'

const theirs = 'somebody else keeps this'
const oddities = ['link', 'dangling link', 'second name', 'pipe', 'folder'] as const

/** Puts something odd at `path`; answers whether it is still there as it was. */
function put(path: string, oddity: (typeof oddities)[number]): () => boolean {
  const other = `${path}.theirs`
  writeFileSync(other, theirs)
  if (oddity === 'link') symlinkSync(other, path)
  else if (oddity === 'dangling link') symlinkSync(`${path}.nowhere`, path)
  else if (oddity === 'second name') linkSync(other, path)
  else if (oddity === 'pipe') execFileSync('mkfifo', [path])
  else mkdirSync(path)
  const before = readdirSync(join(path, '..')).join()
  return () => readdirSync(join(path, '..')).join() === before && readFileSync(other, 'utf8') === theirs
}

t.test('no part, notes, lock or list is written through a link, or waited for at a pipe', async (t) => {
  const file: File = { bytes: someGguf(10_000) }
  const { url } = await serve(t, (request, response) => sendFile(file, request, response))
  for (const oddity of oddities) {
    for (const name of ['model.gguf.part', 'model.gguf.part.json', 'model.gguf.part.lock', pulledFile]) {
      // A lock is a folder; of a list with a second name a new one takes the place.
      if (name.endsWith('.lock') && oddity === 'folder') continue
      if (name === pulledFile && oddity === 'second name') continue
      const folder = t.testdir({})
      const { run } = puller(t, { folder })
      const isAsItWas = put(join(folder, name), oddity)
      await t.rejects(run(`${url}/model.gguf`), {
        name: 'PullProblem',
        message: new RegExp(`/${name} (cannot be (written|read): it is a |is no lock that a pull left)`),
      })
      t.ok(isAsItWas(), `${name} is a ${oddity}`)
    }
  }
})

t.test('a list that is none is told of before anything is fetched', async (t) => {
  const { url, asked } = await serve(t, (request, response) =>
    sendFile({ bytes: someGguf(1000) }, request, response),
  )
  for (const list of ['not JSON', '[]', '{"hf:a/b": "m.gguf"}']) {
    const { folder, run } = puller(t, { folder: t.testdir({ [pulledFile]: list }) })
    await t.rejects(run(`${url}/m.gguf`), problem(/pulled\.json is no list of what was pulled\. Remove or/))
    t.equal(readFileSync(join(folder, pulledFile), 'utf8'), list)
  }
  t.ok(asked.every(({ method }) => method === 'HEAD'))
})

t.test('a list is written beside its old one, through no link there', async (t) => {
  const folder = t.testdir({ [pulledFile]: '{"hf:a/b": ["m.gguf"]}' })
  const isAsItWas = put(join(folder, `${pulledFile}.part`), 'link')
  await t.rejects(
    recordPulled(folder, 'hf:c/d', ['n.gguf']),
    problem(/\.part cannot be written: it is a link/),
  )
  t.ok(isAsItWas())
  rmSync(join(folder, `${pulledFile}.part`))
  linkSync(join(folder, pulledFile), join(folder, 'copy.json'))
  await recordPulled(folder, 'hf:c/d', ['n.gguf'])
  const list = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  t.same(list(pulledFile), { 'hf:a/b': ['m.gguf'], 'hf:c/d': ['n.gguf'] })
  t.same(list('copy.json'), { 'hf:a/b': ['m.gguf'] })
})

t.test("another program's part is left alone", async (t) => {
  const { url } = await serve(t, (request, response) =>
    sendFile({ bytes: someGguf(1000) }, request, response),
  )
  const { folder, run } = puller(t)
  for (const notes of [undefined, '', '{"url": 1}']) {
    writeFileSync(join(folder, 'model.gguf.part'), theirs)
    if (notes !== undefined) writeFileSync(join(folder, 'model.gguf.part.json'), notes)
    await t.rejects(
      run(`${url}/model.gguf`),
      problem(/\.part is not what a pull left there\. Remove or rename/),
    )
    t.equal(readFileSync(join(folder, 'model.gguf.part'), 'utf8'), theirs)
  }
})

t.test('what has the name of the model and is no file is told by its kind', async (t) => {
  const { url, asked } = await serve(t, (request, response) =>
    sendFile({ bytes: someGguf(1000) }, request, response),
  )
  for (const [oddity, kind] of [
    ['dangling link', 'a link to nowhere'],
    ['pipe', 'a named pipe'],
    ['folder', 'a folder'],
  ] as const) {
    const folder = t.testdir({})
    const isAsItWas = put(join(folder, 'model.gguf'), oddity)
    const sentence = new RegExp(`model\\.gguf is there already, but is ${kind}\\. Remove or rename it first`)
    await t.rejects(puller(t, { folder }).run(`${url}/model.gguf`), problem(sentence))
    t.ok(isAsItWas(), oddity)
  }
  t.ok(asked.every(({ method }) => method === 'HEAD'))
})

t.test('what came under the name while the file was fetched is not overwritten', async (t) => {
  const file: File = { bytes: someGguf(1000) }
  let folder = ''
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'GET') writeFileSync(join(folder, 'model.gguf'), theirs)
    sendFile(file, request, response)
  })
  const one = puller(t)
  folder = one.folder
  await t.rejects(one.run(`${url}/model.gguf`), problem(/model\.gguf is there already, but is another file/))
  t.equal(readFileSync(join(folder, 'model.gguf'), 'utf8'), theirs)
})

t.test('a link to where the model really lies is as good as the model', async (t) => {
  const { env, store, contents } = await hub(t, ['Vision-Q4_K_M.gguf'])
  const folder = t.testdir({})
  const { run } = puller(t, { folder })
  mkdirSync(join(folder, 'elsewhere'))
  writeFileSync(join(folder, 'elsewhere/blob'), contents.get('Vision-Q4_K_M.gguf') as Buffer)
  symlinkSync('elsewhere/blob', join(folder, 'Vision-Q4_K_M.gguf'))
  t.same(await run('hf:owner/Vision-GGUF', env), ['Vision-Q4_K_M.gguf'])
  t.equal(store.asked.length, 0)
})

t.test('what something else writes into a part is noticed after a cut, too', async (t) => {
  const file: File = { bytes: someGguf(100_000), etag: '"one"' }
  const part = () => join(one.folder, 'model.gguf.part')
  const { url } = await serve(t, (request, response) => {
    if (request.method === 'HEAD' || request.headers.range) return sendFile(file, request, response)
    response
      .writeHead(200, { 'content-length': 100_000, etag: '"one"' })
      .write(file.bytes.subarray(0, 50_000))
    void until(() => statSync(part()).size === 50_000, 'the first half').then(() => {
      writeFileSync(part(), someGguf(60_000))
      response.destroy()
    })
  })
  const one = puller(t)
  await t.rejects(one.run(`${url}/model.gguf`), problem(/\.part was written to by something else/))
  t.strictSame(readdirSync(one.folder), [])
})
