/** Forms that are broken, endless or too much of something; fields that come twice. */
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import type { Call } from '../../src/inference/infer.ts'
import { echo, testApp } from '../support/app.ts'
import { until } from '../support/until.ts'

type Test = Parameters<typeof testApp>[0]

const field = (name: string, text: string, type = '') =>
  `--X\r\nContent-Disposition: form-data; name="${name}"\r\n${type}\r\n${text}\r\n`
const file = (name: string, bytes = 'a photo') =>
  `--X\r\nContent-Disposition: form-data; name="${name}"; filename="a.jpg"\r\n\r\n${bytes}\r\n`
const end = '--X--\r\n'
const prompt = field('prompt', 'What is this?')

async function formApp(t: Test, env: Record<string, string> = {}) {
  const calls: Call[] = []
  const infer = (call: Call) => {
    calls.push(call)
    return echo(call)
  }
  const app = await testApp(t, { infer }, { MAX_BODY_MIB: '1', ...env })
  const send = (payload: string, type = 'multipart/form-data; boundary=X') =>
    app.inject({ method: 'POST', url: '/infer', payload, headers: { 'content-type': type } })
  return { app, calls, send }
}

t.test('a form that cannot be read is told why', async (t) => {
  const { send } = await formApp(t)
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => field(`f${index}`, 'a')).join('')
  const cutOff = /cut off, or its Content-Type names another boundary or none/
  const faults: [why: string, form: string, reason: RegExp, type?: string][] = [
    ['cut off in a file', prompt + file('image').slice(0, -4), cutOff],
    ['cut off in a header', prompt + file('image').slice(0, 30), cutOff],
    ['cut off in a text', file('image') + prompt.slice(0, -3), cutOff],
    ['without its end', prompt + file('image'), cutOff],
    ['no boundary', prompt + file('image') + end, cutOff, 'multipart/form-data'],
    ['an empty boundary', prompt + file('image') + end, cutOff, 'multipart/form-data; boundary='],
    ['another boundary', prompt + file('image') + end, cutOff, 'multipart/form-data; boundary=Y'],
    ['a boundary too long', prompt + end, cutOff, `multipart/form-data; boundary=${'X'.repeat(300)}`],
    ['too many fields', prompt + many(60) + file('image') + end, /more than \d+ fields/],
    ['too many parts', prompt + file('image').repeat(1001) + end, /more than 1000 parts/],
    ['a long name', prompt + field('n'.repeat(101), 'a') + end, /name of a field is longer than 100/],
    ['no name', prompt + field('', 'a') + end, /has no name/],
    ['a name of every object', prompt + field('__proto__', 'a') + end, /name that is not accepted/],
    ['no JSON', prompt + field('stop', '[', 'Content-Type: application/json\r\n') + end, /JSON is not/],
  ]
  for (const [why, form, reason, type] of faults) {
    const response = await send(form, type)
    t.equal(response.statusCode, 400, why)
    t.match(response.json(), { details: { code: 'invalid_form', reason } }, why)
  }
})

t.test('more pictures than accepted are counted, not cut off', async (t) => {
  const { send, calls } = await formApp(t, { MAX_IMAGES: '2' })
  await send(prompt + file('image').repeat(5) + end)
  const parts = calls[0]?.question.messages[0]?.parts.filter(({ type }) => type === 'image')
  t.equal(parts?.length, 5, 'so that who counts them can name the number')
})

t.test('a form that says that it is too large is not read, and harms nobody', async (t) => {
  const { send } = await formApp(t)
  const large = await send(prompt + file('image', 'a'.repeat(1024 ** 2)) + end)
  t.equal(large.statusCode, 413)
  t.match(large.json(), { details: { code: 'body_too_large', limit: 1024 ** 2, actual: Number } })
  t.equal((await send(prompt + file('image') + end)).statusCode, 200)
})

t.test('a form without an end gets its answer, then the connection is cut', async (t) => {
  const { app } = await formApp(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const endless: [where: string, start: string][] = [
    ['before the first part', 'hello'],
    ['in a header', `${prompt}--X\r\nContent-Disposition: form-data; name="`],
    ['in a picture', prompt + file('image').slice(0, -2)],
    ['in a file that has no place', prompt + file('x').slice(0, -2)],
    ['behind the last part', prompt + file('image') + end],
  ]
  for (const [where, start] of endless) {
    const socket = connect(port, '127.0.0.1').on('error', () => {})
    let answer = ''
    socket.on('data', (bytes) => {
      answer += bytes
    })
    const chunk = (text: string) => socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
    socket.write('POST /infer HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=X\r\n')
    socket.write('Transfer-Encoding: chunked\r\n\r\n')
    chunk(start)
    chunk('a'.repeat(1024 ** 2))
    // A client that writes on meanwhile could lose the answer to its own failed write.
    await until(() => answer.includes('"code"'), 'the answer')
    t.match(answer, /"code":"body_too_large"/, where)
    await until(() => {
      if (!socket.destroyed && !socket.writableNeedDrain) chunk('a'.repeat(64 * 1024))
      return socket.destroyed
    }, 'the cut')
  }
})

t.test('a field that comes twice is a list where one may be, and named otherwise', async (t) => {
  const { app, calls, send } = await formApp(t)
  const query = (text: string, type = 'image/jpeg', payload: string | object = 'a photo') =>
    app.inject({ method: 'POST', url: `/infer?${text}`, payload, headers: { 'content-type': type } })
  for (const response of [
    await send(prompt + field('stop', 'a') + field('stop', 'b') + file('image') + end),
    await query('prompt=What&stop=a&stop=b'),
    await query('prompt=What&stop=a&stop=b&mood=good&mood=bad'),
  ])
    t.equal(response.statusCode, 200)
  for (const { question } of calls) t.same(question.sampling.stop, ['a', 'b'])
  const twice: [field: string, response: Awaited<ReturnType<typeof send>>][] = [
    ['prompt', await send(prompt + prompt + file('image') + end)],
    ['max_tokens', await query('prompt=a&max_tokens=5&max_tokens=6')],
    ['json_schema', await query('prompt=a&json_schema={}&json_schema={}')],
    ['dry_run', await query('prompt=a&dry_run=1&dry_run=1')],
    ['dry_run', await query('dry_run=1&dry_run=1', 'application/json', { prompt: 'a', image: 'AAAA' })],
  ]
  for (const [name, response] of twice) {
    t.equal(response.statusCode, 400, name)
    const error = `Field ${name} is given more than once`
    t.match(response.json(), { error, details: { code: 'given_twice', field: name } })
  }
})
