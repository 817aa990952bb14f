/** The files of sidecars: which are written, and that nothing is lost by it. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { writeSidecar } from '../../src/cli/xmp-sidecar.ts'

const isRoot = process.getuid?.() === 0

const theirs = `<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description xmlns:darktable="http://darktable.sf.net/" darktable:history_end="2">
   <darktable:history>Großmutter</darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
`

function scene(t: Test, sidecar?: string | Buffer) {
  const folder = t.testdir({})
  const picture = join(folder, 'photo.jpg')
  const path = join(folder, 'photo.jpg.xmp')
  if (sidecar !== undefined) writeFileSync(path, sidecar)
  const text = () => readFileSync(path, 'utf8')
  return { folder, picture, path, text, write: (caption: string) => writeSidecar(picture, caption) }
}

t.test('a picture without a sidecar gets one', async (t) => {
  const { folder, write, text } = scene(t)
  t.equal(await write('A red star.'), 'written')
  t.same(readdirSync(folder), ['photo.jpg.xmp'], 'and nothing else')
  t.equal(
    text().replace(/[\da-f]{64}/, 'SUM'),
    `<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="llama-vision">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="">
   <dc:description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Alt>
     <rdf:li xml:lang="x-default">A red star.</rdf:li>
    </rdf:Alt>
   </dc:description>
   <llamaVision:captionSum xmlns:llamaVision="urn:x-llama-vision:xmp/1.0/">SUM</llamaVision:captionSum>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
`,
  )
})

t.test('one that is there keeps what it has', async (t) => {
  const { write, text } = scene(t, theirs)
  t.equal(await write('a star'), 'written')
  const [before = '', after = ''] = theirs.split(/(?<=history_end="2">)/)
  t.ok(text().startsWith(before) && text().endsWith(after))
  t.match(text(), '<rdf:li xml:lang="x-default">a star</rdf:li>')
})

t.test('one with a description, broken or in another encoding is kept', async (t) => {
  for (const sidecar of [
    theirs.replace('<darktable:', '<dc:description xmlns:dc="http://purl.org/dc/elements/1.1/"/>$&'),
    theirs.slice(0, -5),
    '',
    Buffer.from(`\ufeff${theirs}`, 'utf16le'),
    Buffer.from(theirs, 'latin1'),
  ]) {
    const { folder, path, write } = scene(t, sidecar)
    t.equal(await write('a star'), 'kept')
    t.ok(readFileSync(path).equals(Buffer.from(sidecar)))
    t.same(readdirSync(folder), ['photo.jpg.xmp'])
  }
})

t.test('the same caption again does not touch the file', async (t) => {
  const { write, path } = scene(t)
  await write('a star')
  utimesSync(path, 1000, 1000)
  t.equal(await write('a star'), 'written')
  t.equal(statSync(path).mtimeMs, 1_000_000)
})

t.test('one that is large is kept', async (t) => {
  const most = 4 * 1024 ** 2
  const padded = (bytes: number) => theirs + ' '.repeat(bytes - Buffer.byteLength(theirs))
  t.equal(await scene(t, padded(most)).write('a star'), 'written')
  for (const bytes of [most + 1, 10_000_000]) {
    const { write, path } = scene(t, padded(bytes))
    t.equal(await write('a star'), 'kept')
    t.equal(statSync(path).size, bytes)
  }
})

t.test('what is no file of one name is refused at once', async (t) => {
  const refused = async (what: string, make: (path: string, other: string) => void) => {
    const { folder, path, write } = scene(t)
    const other = join(folder, 'other')
    writeFileSync(other, theirs)
    make(path, other)
    const names = readdirSync(folder)
    await t.rejects(write('a star'), { message: `${path} cannot be written: it is ${what}` })
    t.equal(readFileSync(other, 'utf8'), theirs)
    t.same(readdirSync(folder), names)
  }
  await refused('a link', (path, other) => symlinkSync(other, path))
  await refused('a link', (path) => symlinkSync('nowhere', path))
  await refused('a folder', (path) => mkdirSync(path))
  await refused('a named pipe', (path) => execFileSync('mkfifo', [path]))
  await refused('a file with a second name (a hard link)', (path, other) => linkSync(other, path))
})

t.test('the rights of a sidecar stay as they are', async (t) => {
  const { path, write } = scene(t, theirs)
  chmodSync(path, 0o640)
  if (isRoot) chownSync(path, 12_345, 23_456)
  const { uid, gid, mode } = statSync(path)
  t.equal(await write('a star'), 'written')
  t.match(statSync(path), { uid, gid, mode })
})

t.test('what somebody writes meanwhile stays', async (t) => {
  for (const before of [undefined, theirs]) {
    const { folder, path, text, write } = scene(t, before)
    const outcome = write('a star').catch((error: Error) => error.message)
    while (!readdirSync(folder).some((name) => name.endsWith('.part'))) await setImmediate()
    writeFileSync(path, 'by somebody')
    t.equal(await outcome, `${path} cannot be written: it was changed by something else meanwhile`)
    t.equal(text(), 'by somebody')
    t.same(readdirSync(folder), ['photo.jpg.xmp'])
  }
})

t.test('where nothing can be written, a sentence says so', async (t) => {
  await t.rejects(writeSidecar('/proc/photo.jpg', 'a star'), {
    message: /^\/proc\/photo\.jpg\.xmp cannot be written: E(NOENT|ACCES)/,
  })
  const { folder, picture, write } = scene(t)
  await t.rejects(writeSidecar(join(folder, 'gone', 'photo.jpg'), 'a star'), /cannot be written: ENOENT/)
  await t.rejects(writeSidecar(`${picture}${'a'.repeat(250)}`, 'a star'), /cannot be written: ENAMETOOLONG/)
  if (isRoot) return
  chmodSync(folder, 0o500)
  await t.rejects(write('a star'), /photo\.jpg\.xmp cannot be written: EACCES/)
  chmodSync(folder, 0o700)
})

t.test('a disk that is full leaves the sidecar and nothing beside it', async (t) => {
  const { folder, text, write } = scene(t, theirs)
  const limit = (bytes: string) => execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${bytes}:`])
  // Otherwise the kernel's signal ends the process.
  process.on('SIGXFSZ', () => {})
  limit('300')
  const outcome = await write('a star').catch((error: Error) => error.message)
  limit('unlimited')
  t.match(outcome, /photo\.jpg\.xmp cannot be written: EFBIG/)
  t.equal(text(), theirs)
  t.same(readdirSync(folder), ['photo.jpg.xmp'])
})
