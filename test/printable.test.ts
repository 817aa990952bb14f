import t from 'tap'
import { printable } from '../src/printable.ts'

t.test('what a terminal would obey is shown as a mark, and all is one line', (t) => {
  t.equal(printable('red \u001b[31mtext\u0007\u009b0m', 100), 'red \ufffd[31mtext\ufffd\ufffd0m')
  t.equal(printable('a\r\nb\u2028c\td\u0000', 100), 'a b c d\ufffd')
  t.equal(printable('evil\u202egpj.exe \u200b \ud800', 100), 'evil\ufffdgpj.exe \ufffd \ufffd')
  t.end()
})

t.test('other writing stays as it is', (t) => {
  for (const text of ['für 3 €', 'こんにちは', 'مرحبا', '👍🏽', 'a']) t.equal(printable(text, 100), text)
  t.end()
})

t.test('what is long is cut between characters, and says so', (t) => {
  t.equal(printable('😀😀😀', 3), '😀😀😀')
  t.equal(printable('😀😀😀😀', 3), '😀😀…')
  t.equal(printable('x'.repeat(10_000_000), 5), 'xxxx…')
  t.end()
})
