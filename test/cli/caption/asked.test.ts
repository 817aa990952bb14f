import t from 'tap'
import { askedAbout } from '../../../src/cli/caption/asked.ts'

t.test('what answers depend on is told in a line, whatever the order', (t) => {
  const fields = { temperature: '0', max_tokens: '5', pdf_pages: '2' }
  const options = (path: string, more = {}) =>
    askedAbout(path, { prompt: 'What?', fields: { ...fields, ...more } }).options
  t.equal(options('a.png'), 'max_tokens=5 temperature=0')
  t.equal(options('a.PDF'), 'max_tokens=5 pdf_pages=2 temperature=0')
  const long = options('a.png', { json_schema: '{}'.padEnd(50_000) })
  t.match(long, /^json_schema=[0-9a-f]{16} max_tokens=5/)
  t.not(long, options('a.png', { json_schema: '{}' }))
  t.end()
})
