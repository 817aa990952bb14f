import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pictureSize } from '../../../src/cli/caption/picture-size.ts'
import { heic, noise } from '../../support/images.ts'

t.test('the beginning of a photo tells its size, upright', async (t) => {
  const photo = await noise(1200, 900).withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toBuffer()
  t.ok(photo.length > 300_000)
  const folder = t.testdir({ 'photo.jpg': photo, 'text.jpg': 'a note', 'phone.heic': heic, 'none.png': '' })
  const at = (name: string) => join(folder, name)
  t.same(await pictureSize(at('photo.jpg')), { width: 900, height: 1200 })
  writeFileSync(at('photo.jpg'), photo.subarray(0, 270_000))
  t.same(await pictureSize(at('photo.jpg')), { width: 900, height: 1200 }, 'nothing is decoded')
  execFileSync('mkfifo', [at('pipe.jpg')])
  for (const name of ['text.jpg', 'phone.heic', 'none.png', 'pipe.jpg', 'gone.jpg'])
    t.equal(await pictureSize(at(name)), undefined, name)
})
