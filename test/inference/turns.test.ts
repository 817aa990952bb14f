import t from 'tap'
import type { Message, Part } from '../../src/inference/question.ts'
import { inTurns } from '../../src/inference/turns.ts'

const text = (words: string): Part => ({ type: 'text', text: words, field: `field of ${words}` })
const picture = (image: string): Part => ({ type: 'image', image, field: `field of ${image}` })
const user = (...parts: Part[]): Message => ({ role: 'user', parts })

t.test('pictures come first within a message, in their order, and so do texts', (t) => {
  const asked = [user(text('one'), picture('a'), text('two'), picture('b'))]
  t.strictSame(inTurns(asked), [user(picture('a'), picture('b'), text('one'), text('two'))])
  t.end()
})

t.test('messages of one role in a row are one', (t) => {
  const asked: Message[] = [
    { role: 'system', parts: [text('be')] },
    { role: 'system', parts: [text('kind')] },
    user(text('what is it?')),
    user(text(''), picture('a')),
    { role: 'assistant', parts: [text('red')] },
    user(text('sure?')),
  ]
  t.strictSame(inTurns(asked), [
    { role: 'system', parts: [text('be'), text('kind')] },
    user(picture('a'), text('what is it?')),
    { role: 'assistant', parts: [text('red')] },
    user(text('sure?')),
  ])
  t.end()
})

t.test('a message without a word keeps its place', (t) => {
  const asked: Message[] = [user(text('one')), { role: 'assistant', parts: [text('')] }, user(text('two'))]
  t.strictSame(inTurns(asked), asked)
  t.end()
})

t.test('what was asked is left as it was', (t) => {
  const asked = [user(text('one')), user(text('two'), picture('a'))]
  const before = structuredClone(asked)
  inTurns(asked)
  t.strictSame(asked, before)
  t.end()
})
