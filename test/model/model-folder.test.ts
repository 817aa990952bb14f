import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findModel } from '../../src/model/facts.ts'
import { modelFilesFingerprint } from '../../src/model/locate.ts'
import { ggufFiles, mostFiles, mustExist } from '../../src/model/model-folder.ts'
import { writeModelPair } from '../support/fake-engine.ts'

const advice = { noFile: 'Put it there', noFolder: 'Make it' }

t.test('models are found by the ends of their names; what cannot be read holds none', async (t) => {
  const folder = t.testdir({ 'b.gguf': '', 'A.GGUF': '', 'a.gguf.part': '', 'notes.txt': '' })
  t.strictSame(await ggufFiles(folder), ['A.GGUF', 'b.gguf'])
  t.strictSame(await ggufFiles('/nowhere'), [])
  t.strictSame(await ggufFiles(join(folder, 'notes.txt')), [])
})

t.test('what is in the way of a model is told', async (t) => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'a.gguf'))
  symlinkSync('b.gguf', join(folder, 'b.gguf'))
  await t.rejects(mustExist(join(folder, 'a.gguf'), advice), { message: /a\.gguf is a folder, not a file/ })
  await t.rejects(mustExist(join(folder, 'b.gguf'), advice), {
    message: `${folder}/b.gguf is a link that leads back to itself. Put it there`,
  })
})

t.test(
  'a pipe, a broken link or an odd name beside the model does not keep it from being found',
  async (t) => {
    const folder = t.testdir()
    writeModelPair(folder)
    execFileSync('mkfifo', [join(folder, 'x.gguf')])
    symlinkSync('/nowhere/a', join(folder, 'gone.gguf'))
    symlinkSync('loop.gguf', join(folder, 'loop.gguf'))
    writeFileSync(
      Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff, 0x1b]), Buffer.from('.gguf')]),
      '',
    )
    const place = { folder, name: 'tiny.gguf', mmproj: '', ollamaStore: '' }
    t.match(await findModel(place), { mmprojPath: join(folder, 'tiny-mmproj.gguf') })
    await t.rejects(findModel({ ...place, name: 'y.gguf' }), {
      message: /y\.gguf not found; the folder holds: .*, \ufffd\ufffd\.gguf\. Set MODEL_NAME/,
    })
  },
)

t.test('a crowded folder costs no more than so many names', async (t) => {
  const folder = t.testdir()
  for (let count = 0; count <= mostFiles; count += 1) writeFileSync(join(folder, `${count}.gguf`), '')
  t.equal((await ggufFiles(folder)).length, mostFiles)
  await t.rejects(mustExist(join(folder, 'x.gguf'), advice), {
    message: /and at least 990 more\. Put it there/,
  })
  const place = { folder, name: 'tiny.gguf', mmproj: '', ollamaStore: '' }
  writeModelPair(folder)
  await t.rejects(findModel(place), {
    message:
      /holds 1000 \.gguf files or more, too many to look for the projector of tiny\.gguf in\. Set MMPROJ_NAME/,
  })
  t.match(await findModel({ ...place, mmproj: 'tiny-mmproj.gguf' }), { architecture: 'llama' })
  t.ok((await modelFilesFingerprint(place)).split('\n').length <= mostFiles + 1)
})
