/** No text with half a character gets behind a door, wherever it stands in a body. */
import t from 'tap'
import { brokenText } from '../../src/http/texts.ts'
import { testApp } from '../support/app.ts'

const half = '\\ud83d'
const image = '"image":"AAAA"'
const chat = (message: string, more = '') => `{"messages":[${message}]${more}}`
const user = '{"role":"user","content":"a"}'

/** A body as it is sent, and the field that its fault is in. */
const bodies: Record<string, [body: string, field: string][]> = {
  '/infer': [
    [`{"prompt":"${half}",${image}}`, 'prompt'],
    [`{"prompt":"a","system":"a${half}b",${image}}`, 'system'],
    [`{"prompt":"a","stop":"${half}",${image}}`, 'stop'],
    [`{"prompt":"a","stop":["b","\\ude00\\ud83d"],${image}}`, 'stop/1'],
    [`{"prompt":"a","json_schema":{"enum":[{"a":"${half}"}]},${image}}`, 'json_schema/enum/0/a'],
    [`{"prompt":"a","json_schema":{"properties":{"${half}":{}}},${image}}`, 'json_schema/properties/\ufffd'],
    [`{"prompt":"a","${half}":1,${image}}`, '\ufffd'],
    [`{"prompt":"a","unknown":[[["${half}"]]],${image}}`, 'unknown/0/0/0'],
  ],
  '/v1/chat/completions': [
    [chat(`{"role":"user","content":"${half}"}`), 'messages/0/content'],
    [chat(`{"role":"user","content":[{"type":"text","text":"${half}"}]}`), 'messages/0/content/0/text'],
    [chat(`{"role":"user","content":"a","name":"${half}"}`), 'messages/0/name'],
    [chat(user, `,"model":"${half}"`), 'model'],
    [chat(user, `,"stop":["${half}"]`), 'stop/0'],
    [chat(user, `,"user":"${half}"`), 'user'],
    [chat(user, `,"tools":[{"function":{"name":"${half}"}}]`), 'tools/0/function/name'],
    [
      chat(user, `,"response_format":{"type":"json_schema","json_schema":{"schema":{"const":"${half}"}}}`),
      'response_format/json_schema/schema/const',
    ],
  ],
  '/api/chat': [
    [chat(`{"role":"user","content":"${half}"}`), 'messages/0/content'],
    [chat(user, `,"model":"${half}"`), 'model'],
    [chat(user, `,"format":{"title":"${half}"}`), 'format/title'],
    [chat(user, `,"options":{"stop":["${half}"]}`), 'options/stop/0'],
    [chat(user, `,"tools":["${half}"]`), 'tools/0'],
  ],
  '/api/generate': [
    [`{"prompt":"${half}"}`, 'prompt'],
    [`{"prompt":"a","system":"${half}"}`, 'system'],
    [`{"prompt":"a","model":"${half}"}`, 'model'],
  ],
  '/api/show': [[`{"model":"${half}"}`, 'model']],
}

t.test('every text of every door is checked alike', async (t) => {
  const app = await testApp(t, {
    infer: async () => {
      throw new Error('reached')
    },
  })
  const headers = { 'content-type': 'application/json' }
  for (const [url, cases] of Object.entries(bodies)) {
    for (const [payload, field] of cases) {
      const { statusCode, body } = await app.inject({ method: 'POST', url, headers, payload })
      t.equal(statusCode, 400, `${url} ${payload}: ${body}`)
      t.match(body, `Field ${field} holds broken Unicode`, `${url} ${payload}`)
    }
  }
})

t.test('whole characters pass, and a form is looked at too', async (t) => {
  const app = await testApp(t)
  const whole = `{"prompt":"${half}\\ude00","stop":["\u{1f600}"],${image}}`
  const headers = { 'content-type': 'application/json' }
  t.equal((await app.inject({ method: 'POST', url: '/infer', headers, payload: whole })).statusCode, 200)
  const form = new FormData()
  form.set('prompt', 'a')
  form.set('image', 'AAAA')
  form.set('json_schema', `{"const":"${half}"}`)
  const encoded = new Response(form)
  const refused = await app.inject({
    method: 'POST',
    url: '/infer',
    headers: { 'content-type': encoded.headers.get('content-type') ?? '' },
    payload: Buffer.from(await encoded.arrayBuffer()),
  })
  t.match(refused.json(), { details: { code: 'broken_unicode', field: 'json_schema/const' } })
})

t.test('a text that an error cuts to show it is whole', async (t) => {
  const app = await testApp(t)
  const model = `${'a'.repeat(199)}\u{1f600}`
  const response = await app.inject({ method: 'POST', url: '/api/show', payload: { model } })
  t.equal(response.statusCode, 404)
  t.ok(response.json().error.isWellFormed(), response.json().error.slice(-80))
})

t.test('nothing is too deep, and paths are told in bounds', async (t) => {
  let deep: unknown = '\ud800'
  for (let level = 0; level < 200_000; level += 1) deep = [deep]
  t.equal(brokenText(deep)?.length, 399_999)
  t.equal(brokenText({ a: [Buffer.from('a'), 1, null, 'b'] }), undefined)
  const app = await testApp(t)
  const payload = `{"prompt":"a",${image},"x":${'{"level":'.repeat(60)}"${half}"${'}'.repeat(60)}}`
  const headers = { 'content-type': 'application/json' }
  const { details } = (await app.inject({ method: 'POST', url: '/infer', headers, payload })).json()
  t.equal(details.field.length, 200)
})
