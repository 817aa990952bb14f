import t from 'tap'
import { nearest } from '../src/spelling.ts'

t.test('a slip is a letter too many, missing, wrong, or changed round with the next', (t) => {
  const words = ['serve', 'infer', 'caption']
  for (const word of ['serv', 'serves', 'sxrve', 'esrve']) t.equal(nearest(word, words), 'serve')
  for (const word of ['srv', 'server2', '', 'x', 'infxr2']) t.equal(nearest(word, words), undefined, word)
  t.end()
})

t.test('long words may have more slips, and the nearest of several is taken', (t) => {
  t.equal(nearest('max_images', ['max_image_mib', 'max_images']), 'max_images')
  t.equal(nearest('shutdwn_grac', ['shutdown_grace']), 'shutdown_grace')
  t.equal(nearest('a'.repeat(100_000), ['a'.repeat(99_999)]), undefined)
  t.end()
})
