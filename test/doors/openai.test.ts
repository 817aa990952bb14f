/** What of a request to OpenAI's door shapes its answer, beside the question itself. */
import t from 'tap'
import { testApp } from '../support/app.ts'

const messages = [{ role: 'user', content: 'What colour?' }]

t.test('an answer is streamed, and its usage told there, only if that is asked for', async (t) => {
  const app = await testApp(t)
  const heard = async (more: object) => {
    const payload = { messages, ...more }
    const { headers, body } = await app.inject({ method: 'POST', url: '/v1/chat/completions', payload })
    return {
      streamed: headers['content-type']?.startsWith('text/event-stream'),
      usage: body.includes('"usage"'),
    }
  }
  const whole = { streamed: false, usage: true }
  for (const stream of [{}, { stream: false }, { stream: null }]) t.same(await heard(stream), whole)
  t.same(await heard({ stream_options: { include_usage: false } }), whole)
  for (const options of [{}, { stream_options: null }, { stream_options: {} }])
    t.same(await heard({ stream: true, ...options }), { streamed: true, usage: false })
  for (const include_usage of [true, false])
    t.same(await heard({ stream: true, stream_options: { include_usage } }), {
      streamed: true,
      usage: include_usage,
    })
})

t.test('each answer has a name of its own, the name of the model, and its time in seconds', async (t) => {
  const app = await testApp(t)
  const ask = async () =>
    (
      await app.inject({ method: 'POST', url: '/v1/chat/completions', payload: { messages, model: 'tiny' } })
    ).json()
  const began = Math.floor(Date.now() / 1000)
  const [one, other] = [await ask(), await ask()]
  t.match(one, { id: /^chatcmpl-[0-9a-f-]{36}$/, model: 'tiny.gguf' })
  t.not(one.id, other.id)
  t.ok(Number.isInteger(one.created) && one.created >= began && one.created <= Date.now() / 1000)
})
