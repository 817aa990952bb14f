/** Requests that come before the one in front of them is answered. */
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { Call } from '../../src/inference/infer.ts'
import { answerOf, testApp, textOf } from '../support/app.ts'
import { requestText, speak } from '../support/raw-http.ts'
import { until } from '../support/until.ts'

const question = (prompt: string, path = '/infer') =>
  requestText(path, JSON.stringify({ prompt, image: 'AAAA' }))
const health = requestText('/health', '', { method: 'GET' })

/** An app whose questions wait until the test answers them. */
async function patientApp(t: Test) {
  const inside: { call: Call; answer: () => void }[] = []
  const infer = (call: Call) =>
    new Promise<ReturnType<typeof answerOf>>((resolve, reject) => {
      inside.push({ call, answer: () => resolve(answerOf(textOf(call.question))) })
      const leave = () => reject(call.signal.reason)
      if (call.signal.aborted) leave()
      call.signal.addEventListener('abort', leave)
    })
  const app = await testApp(t, { infer })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { inside, port: (app.server.address() as AddressInfo).port }
}

const codesIn = (answer: string) => [...answer.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code)

t.test('six questions at once are one: the others leave no trace when the client does', async (t) => {
  const { inside, port } = await patientApp(t)
  const { socket } = speak(t, port, ['a', 'b', 'c', 'd', 'e', 'f'].map((prompt) => question(prompt)).join(''))
  await until(() => inside.length > 0, 'the first question')
  socket.resetAndDestroy()
  await until(() => inside.every(({ call }) => call.signal.aborted), 'the end of all')
  t.match(inside, [{ call: { signal: { reason: { code: 'client_gone' } } } }])
  t.equal(inside.length, 1)
})

t.test('the first is answered, the second refused, and then the connection closes', async (t) => {
  const { inside, port } = await patientApp(t)
  const connection = speak(t, port, question('first') + question('second', '/api/generate') + health)
  await until(() => inside.length > 0, 'the first question')
  inside[0]?.answer()
  await connection.closed()
  const [first = '', second = '', third] = connection.answer().split(/(?=HTTP\/1\.1 )/)
  t.match(first, /^HTTP\/1\.1 200 .*"response_text":"first"/s)
  t.match(second, /^HTTP\/1\.1 400 .*\r\nconnection: close\r\n.*"error":"A connection takes one question/s)
  t.equal(third, undefined)
  t.equal(inside.length, 1)
})

t.test('a client is seen to leave whatever it sends behind its question', async (t) => {
  const flood = {
    'another question that does not end': `${question('b').slice(0, -5)}`,
    'a body larger than any buffer': requestText('/infer', 'x'.repeat(3 * 1024 ** 2)),
    'many short requests': health.repeat(90),
  }
  for (const [name, behind] of Object.entries(flood)) {
    const { inside, port } = await patientApp(t)
    const { socket } = speak(t, port, question('a') + behind)
    await until(() => inside.length > 0 && socket.writableLength === 0, 'all to be sent')
    socket.end()
    await until(() => inside.every(({ call }) => call.signal.aborted), `the end, behind ${name}`)
    t.equal(inside.length, 1, name)
  }
})

t.test('who goes on and on behind a question is cut off', async (t) => {
  const { inside, port } = await patientApp(t)
  const connection = speak(t, port, question('a') + health.repeat(200))
  await connection.closed()
  t.ok(inside.every(({ call }) => call.signal.aborted))
})

t.test('short requests may still come together, and a question after its answer', async (t) => {
  const { inside, port } = await patientApp(t)
  const connection = speak(t, port, health.repeat(5))
  await until(() => connection.answer().split('HTTP/1.1 200').length === 6, 'five answers')
  for (const prompt of ['one', 'two']) {
    connection.socket.write(question(prompt))
    await until(() => inside.length > 0, prompt)
    inside.pop()?.answer()
    await connection.says(`"response_text":"${prompt}"`)
  }
  connection.socket.write(health + question('three'))
  await connection.closed()
  t.same(codesIn(connection.answer()), ['pipelined'], 'a question behind anything is refused')
})
