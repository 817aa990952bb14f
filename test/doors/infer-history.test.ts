/** A conversation in a request to `/infer`, whatever way it comes. */
import t from 'tap'
import type { Call } from '../../src/inference/infer.ts'
import { echo, testApp } from '../support/app.ts'

t.test('a conversation is a list in JSON, and its JSON as a text elsewhere', async (t) => {
  const calls: Call[] = []
  const app = await testApp(t, {
    infer: (call) => {
      calls.push(call)
      return echo(call)
    },
  })
  const post = (payload: object) => app.inject({ method: 'POST', url: '/infer', payload })
  const submit = async (history: string) => {
    const form = new FormData()
    form.append('history', history)
    form.append('prompt', 'Is it wet?')
    form.append('image', new Blob(['bytes of a photo']), 'photo.jpg')
    const request = new Request('http://a/infer', { method: 'POST', body: form })
    return app.inject({
      method: 'POST',
      url: '/infer',
      payload: Buffer.from(await request.arrayBuffer()),
      headers: { 'content-type': request.headers.get('content-type') ?? '' },
    })
  }
  const history = [{ prompt: 'What is it?', response_text: 'A llama.' }]
  const text = JSON.stringify(history)
  const payload = { prompt: 'Is it wet?', image: 'AAAA' }
  await post({ ...payload, history })
  await submit(text)
  await app.inject({
    method: 'POST',
    url: `/infer?${new URLSearchParams({ prompt: 'Is it wet?', history: text })}`,
    payload: Buffer.from('bytes of a photo'),
    headers: { 'content-type': 'image/jpeg' },
  })
  t.equal(calls.length, 3)
  for (const { question } of calls) {
    t.match(question.messages, [
      { role: 'user', parts: [{ type: 'image' }, { text: 'What is it?' }] },
      { role: 'assistant', parts: [{ text: 'A llama.' }] },
      { role: 'user', parts: [{ text: 'Is it wet?' }] },
    ])
  }
  const faults: [unknown, object][] = [
    ['a text', { code: 'wrong_type', field: 'history' }],
    [[{ prompt: 'a' }], { code: 'missing_field', field: 'history/0/response_text' }],
    [[...history, 'a'], { code: 'wrong_type', field: 'history/1' }],
    [[{ prompt: 'a', response_text: '' }], { code: 'empty_prompt', field: 'history/0/response_text' }],
    [Array(101).fill(history[0]), { code: 'out_of_range', field: 'history', limit: 100 }],
  ]
  for (const [wrong, details] of faults) {
    const response = await post({ ...payload, history: wrong })
    t.equal(response.statusCode, 400)
    t.match(response.json(), { details })
  }
  for (const broken of ['[{', 'What is it?', 'null']) {
    const response = await submit(broken)
    t.match(response.json(), { details: { code: 'wrong_type', field: 'history' } }, broken)
  }
  t.equal(calls.length, 3)
})
