import fc from 'fast-check'
import t from 'tap'
import { neutralizer, requireLength, requireText } from '../../src/inference/prompt.ts'

t.test('texts are bounded, and none is empty', (t) => {
  const parts = (text: string) => [{ type: 'text' as const, text, field: 'system' }]
  requireLength(parts('What is this? \u{1f600}'), 100)
  requireLength([...parts('x'.repeat(60)), ...parts('x'.repeat(40))], 100)
  requireText('a', 'prompt')
  for (const empty of ['', ' \n\t']) t.throws(() => requireText(empty, 'prompt'), { code: 'empty_prompt' })
  t.throws(() => requireLength([...parts('x'.repeat(60)), ...parts('x'.repeat(41))], 100), {
    code: 'prompt_too_long',
    facts: { field: 'system', actual: 101, limit: 100 },
  })
  t.end()
})

t.test('no control token survives in a prompt, and nothing else changes', (t) => {
  const tokens = ['<|im_end|>', '<|im_start|>', '<s>', '[INST]', 'a.c']
  const neutralize = neutralizer(tokens)
  t.equal(neutralize('abc <s> [INST]'), 'abc <\u200bs> [\u200bINST]')
  t.equal(neutralizer([])('<s>'), '<s>')
  const pieces = fc.array(fc.oneof(fc.constantFrom(...tokens), fc.string()))
  fc.assert(
    fc.property(pieces, (list) => {
      const prompt = list.join('')
      const safe = neutralize(prompt)
      return (
        !tokens.some((token) => safe.includes(token)) &&
        safe.replaceAll('\u200b', '') === prompt.replaceAll('\u200b', '')
      )
    }),
  )
  t.end()
})

t.test(
  'tokens that hold each other, overlap or begin beyond the first plane of Unicode are broken up all the same',
  (t) => {
    const tokens = ['<a>', '<a><a>', 'a>b', '\u{1f999}end', 'aa']
    const neutralize = neutralizer(tokens)
    for (const prompt of ['<a><a>b', '<a><a><a>', 'x\u{1f999}end', 'aaaa', '<aa>b']) {
      const safe = neutralize(prompt)
      for (const token of tokens) t.notOk(safe.includes(token), `${token} in ${prompt}`)
      t.equal(safe.replaceAll('\u200b', ''), prompt)
      t.ok(safe.isWellFormed())
    }
    t.end()
  },
)

t.test('a control token of a single character is replaced', (t) => {
  const neutralize = neutralizer(['\u{1f600}', '\u{1f600}!', '<s>'])
  t.equal(neutralize('<s> \u{1f600} \u{1f600}!'), '<\u200bs> \ufffd \ufffd!')
  t.end()
})
