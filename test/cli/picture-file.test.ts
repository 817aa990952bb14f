import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { readPicture } from '../../src/cli/picture-file.ts'

const { signal } = new AbortController()
const text = async (picture: Promise<Blob>) => (await picture).text()

t.test('a picture is a file or standard input', async (t) => {
  const path = join(t.testdir(), 'a.jpg')
  writeFileSync(path, 'bytes')
  t.equal(await text(readPicture(path, signal)), 'bytes')
  t.equal(
    await text(readPicture('-', signal, Readable.from([Buffer.from('by'), Buffer.from('tes')]))),
    'bytes',
  )
})

t.test('what is none is told in a sentence', async (t) => {
  const folder = t.testdir({ 'empty.jpg': '', 'closed.jpg': 'x' })
  const refused = (path: string, message: RegExp, stdin?: Readable) =>
    t.rejects(readPicture(path, signal, stdin), { message }, path)
  await refused(`${folder}/none.jpg`, /none\.jpg cannot be read: there is no such file or folder$/)
  await refused(folder, /cannot be read: it is a folder; llama-vision caption goes through folders$/)
  await refused(`${folder}/empty.jpg`, /empty\.jpg cannot be read: it is empty$/)
  await refused(`${folder}/empty.jpg/x`, /a part of its path is no folder$/)
  await refused('https://a.example/b.jpg', /is an address, where a file is expected/)
  await refused(
    '-',
    /standard input, which is the terminal/,
    Object.assign(Readable.from([]), { isTTY: true }),
  )
  await refused('-', /^standard input cannot be read: it is empty$/, Readable.from([]))
  chmodSync(`${folder}/closed.jpg`, 0)
  if (process.getuid?.() !== 0) await refused(`${folder}/closed.jpg`, /its permissions do not allow it$/)
})

t.test('no more is read than any service takes', async (t) => {
  let given = 0
  const endless = new Readable({
    read() {
      given += 1
      this.push(Buffer.alloc(2 ** 20))
    },
  })
  await t.rejects(readPicture('-', signal, endless), {
    message: /more than 256 MiB, the most that any service takes/,
  })
  t.ok(given < 300, `${given} MiB`)
  t.ok(endless.destroyed)
})

t.test('who gives up does not wait for what never comes', async (t) => {
  const controller = new AbortController()
  const reason = new Error('Interrupted')
  const reading = readPicture('-', controller.signal, new Readable({ read() {} }))
  controller.abort(reason)
  await t.rejects(reading, reason)
})
