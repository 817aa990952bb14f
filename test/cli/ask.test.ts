/** Services that are none, or not there, as the commands tell of them. */
import type { RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { type AskOptions, ask } from '../../src/cli/ask.ts'
import { serve } from '../support/pull-server.ts'

const asking = (url: string, more: Partial<AskOptions> = {}) =>
  ask(new Blob(['x']), 'what?', {
    url,
    key: undefined,
    fields: {},
    signal: new AbortController().signal,
    ...more,
  })

const at = async (t: Test, answer: RequestListener) => (await serve(t, answer)).url

t.test('a service that is not there is told by its address', async (t) => {
  await t.rejects(asking('http://localhost:1'), {
    message: 'No answer from http://localhost:1: nothing listens there',
  })
  await t.rejects(asking('http://no.such.name.invalid'), {
    message: /No answer from .*: the name (leads|cannot)/,
  })
  const url = await at(t, (_request, response) => response.destroy())
  await t.rejects(asking(url), { message: `No answer from ${url}: the connection was cut off` })
  await t.rejects(asking(url.replace('http:', 'https:')), { message: /it does not speak TLS|was cut off/ })
})

t.test('what answers and is no service of ours is told as such', async (t) => {
  const page = await at(t, (_request, response) => response.setHeader('content-type', 'text/html').end('<p>'))
  await t.rejects(asking(page), { message: `${page} is no llama-vision service: it answers with text/html` })
  const lost = await at(t, (_request, response) => response.writeHead(404).end('nothing'))
  await t.rejects(asking(lost), {
    message: `${lost} answered with status 404; is a llama-vision service there?`,
  })
})

t.test('an answer that breaks off is told', async (t) => {
  const url = await at(t, (_request, response) => {
    response.setHeader('content-type', 'text/event-stream').write('event: queued\ndata: {"position":0}\n\n')
    setTimeout(() => response.destroy(), 50)
  })
  await t.rejects(asking(url), { message: `The answer from ${url} broke off: the connection was cut off` })
})

t.test('a key that no header can carry is kept where it is', async (t) => {
  await t.rejects(asking('http://localhost:1', { key: 'se cret' }), { message: /^The API key holds a space/ })
})

t.test('who gave up is told that', async (t) => {
  const controller = new AbortController()
  const url = await at(t, () => controller.abort(new Error('Interrupted')))
  await t.rejects(asking(url, { signal: controller.signal }), { message: 'Interrupted' })
})
