import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { photosBelow } from '../../../src/cli/caption/photo-folder.ts'
import { png } from '../../support/images.ts'
import { codestreams } from '../../support/jpeg2000.ts'

t.test('pictures by their names or their first bytes, in order', async (t) => {
  const picture = await png()
  const folder = t.testdir({
    'b.JPG': 'a',
    'a.jfif': 'a',
    'scan.pdf': 'a',
    IMG_0001: picture,
    SCAN_0001: codestreams.rgb,
    'old.bmp': 'a',
    'leaf.JP2': 'a',
    'photo.backup': picture,
    album: { 'c.jpe': 'a', deeper: { 'd.heic': 'a' } },
  })
  t.same(await photosBelow(folder), {
    pictures: [
      'IMG_0001',
      'SCAN_0001',
      'a.jfif',
      'album/c.jpe',
      'album/deeper/d.heic',
      'b.JPG',
      'leaf.JP2',
      'old.bmp',
      'photo.backup',
      'scan.pdf',
    ],
    skipped: [],
  })
})

t.test('what is left out is told, with the reason', async (t) => {
  const thumbnails = () => ({ 'a.jpg': 'a' })
  const folder = t.testdir({
    'a.jpg': 'a',
    'notes.txt': 'a note',
    'drawing.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
    layers: Buffer.concat([Buffer.from('8BPS'), Buffer.alloc(64)]),
    'notice.text': 'BMW is a maker of cars and motorcycles',
    nothing: '',
    '.hidden.jpg': 'a',
    '._a.jpg': 'a',
    '@eaDir': thumbnails(),
    '#recycle': thumbnails(),
    '$RECYCLE.BIN': thumbnails(),
    __MACOSX: thumbnails(),
  })
  symlinkSync('a.jpg', join(folder, 'link.jpg'))
  symlinkSync('.', join(folder, 'round'))
  execFileSync('mkfifo', [join(folder, 'pipe.jpg')])
  const { pictures, skipped } = await photosBelow(folder)
  t.same(pictures, ['a.jpg'])
  t.same(Object.fromEntries(skipped.map(({ path, reason }) => [path, reason])), {
    'notes.txt': 'no picture',
    'drawing.svg': 'SVG is not read here',
    layers: 'PSD is not read here',
    'notice.text': 'no picture',
    nothing: 'empty',
    '.hidden.jpg': 'hidden',
    '._a.jpg': 'hidden',
    'link.jpg': 'it is a link',
    round: 'it is a link',
    'pipe.jpg': 'it is a named pipe',
    ...Object.fromEntries(
      ['@eaDir', '#recycle', '$RECYCLE.BIN', '__MACOSX'].map((name) => [
        name,
        'a folder of thumbnails or deleted files',
      ]),
    ),
  })
})

t.test('a name that is no UTF-8 is told, and the rest is found', async (t) => {
  const folder = t.testdir({ 'a.jpg': 'a' })
  mkdirSync(join(folder, 'album'))
  writeFileSync(
    Buffer.concat([Buffer.from(`${folder}/album/`), Buffer.from([0xff]), Buffer.from('.jpg')]),
    'a',
  )
  const { pictures, skipped } = await photosBelow(folder)
  t.same(pictures, ['a.jpg'])
  t.match(skipped, [{ reason: 'its name is no UTF-8' }])
})
