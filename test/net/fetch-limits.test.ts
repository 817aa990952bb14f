import { getEventListeners } from 'node:events'
import { createServer as createTcpServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import {
  allowing,
  around,
  broken,
  canaryCalls,
  failed,
  fetcher,
  listen,
  maxBytes,
  never,
  picturesAddress,
} from '../support/guarded-servers.ts'
import { until } from '../support/until.ts'

t.test('an answer other than 200 is a failure, and its body stays untold', async (t) => {
  const { url, fetchBytes } = await around(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end(request.url === '/204' ? '' : 'password=hunter2')
  })
  for (const status of [201, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503]) {
    const error = await fetchBytes(`${url}/${status}`, never).catch((error) => error)
    t.match(error, failed(`it answered with status ${status}`))
    t.notMatch(error.message, /hunter2|127\.0|pictures\.test/)
  }
})

t.test('size is what arrives, whatever the headers say', async (t) => {
  const tooLarge = failed(`it is larger than ${maxBytes} bytes`)
  let sent = 0
  let closed = false
  const { url, fetchBytes } = await around(t, (request, response) => {
    const raw = (head: string, body: string) =>
      response.socket?.end(`HTTP/1.1 200 OK\r\n${head}\r\nconnection: close\r\n\r\n${body}`)
    const answers: Record<string, () => unknown> = {
      '/exact': () => response.end(Buffer.alloc(maxBytes)),
      '/over': () => response.end(Buffer.alloc(maxBytes + 1)),
      '/chunked-over': () => response.flushHeaders() ?? response.end(Buffer.alloc(maxBytes + 1)),
      '/declared-over': () => response.writeHead(200, { 'content-length': maxBytes + 1 }).flushHeaders(),
      '/declared-huge': () => raw('content-length: 99999999999999999999', 'x'),
      '/declared-less': () => raw('content-length: 4', 'more than four'),
      '/declared-more': () => raw('content-length: 40', 'less'),
      '/declared-twice': () => raw('content-length: 4\r\ncontent-length: 14', 'more than four'),
      '/declared-negative': () => raw('content-length: -1', 'more than four'),
      '/cut-off-chunk': () => raw('transfer-encoding: chunked', '5\r\nabc'),
      '/no-http': () => response.socket?.end('password=hunter2\r\n\r\n'),
      '/empty': () => response.end(),
      '/endless': () => {
        const write = () => {
          while (!closed && response.write(Buffer.alloc(16_384))) sent += 16_384
        }
        response.on('drain', write).on('close', () => {
          closed = true
        })
        write()
      },
    }
    answers[request.url ?? '']?.()
  })
  t.equal((await fetchBytes(`${url}/exact`, never)).length, maxBytes)
  t.equal(String(await fetchBytes(`${url}/declared-less`, never)), 'more', 'never more than was declared')
  for (const path of ['/over', '/chunked-over', '/declared-over', '/endless']) {
    await t.rejects(fetchBytes(url + path, never), tooLarge, path)
  }
  await until(() => closed, 'the end of the endless connection')
  t.ok(sent < 50_000_000, `${sent} bytes went out`)
  for (const path of [
    '/declared-more',
    '/declared-twice',
    '/declared-negative',
    '/cut-off-chunk',
    '/no-http',
  ]) {
    await t.rejects(fetchBytes(url + path, never), failed(broken), path)
  }
  await t.rejects(fetchBytes(`${url}/declared-huge`, never), { name: 'FetchProblem' })
  await t.rejects(fetchBytes(`${url}/empty`, never), failed('its answer is empty'))
})

t.test('a compressed answer is refused, not unpacked', async (t) => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  t.ok(bomb.length < maxBytes, 'the bomb would pass as it is')
  const { url, fetchBytes } = await around(t, (request, response) => {
    const encoding = request.url?.slice(1) ?? ''
    response.writeHead(200, { 'content-encoding': encoding }).end(bomb)
  })
  for (const encoding of ['gzip', 'br', 'deflate', 'identity,gzip']) {
    await t.rejects(fetchBytes(`${url}/${encoding}`, never), failed('its answer is compressed'), encoding)
  }
  t.strictSame(await fetchBytes(`${url}/identity`, never), bomb, 'without the claim it is bytes like others')
})

t.test('whoever is slow is left alone after the set time', async (t) => {
  const { url, port, fetchBytes, allClosed } = await around(
    t,
    (request, response) => {
      if (request.url === '/headers') return
      if (request.url === '/redirect') {
        setTimeout(() => response.writeHead(302, { location: '/redirect' }).end(), 150)
        return
      }
      const drip = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(drip))
    },
    { totalMs: 300 },
  )
  const tooSlow = failed('it took longer than 0.3 seconds')
  for (const path of ['/headers', '/body', '/redirect'])
    await t.rejects(fetchBytes(url + path, never), tooSlow, path)
  await allClosed()
  const deaf = { allow: allowing(`http://*:${port}`), totalMs: 50 }
  const withoutAnswer = fetcher({ ...deaf, resolve: () => new Promise(() => {}) })
  await t.rejects(withoutAnswer(url, never), failed('it took longer than 0.05 seconds'), 'the look-up')
})

t.test('a host that does not speak is given up before the whole time is over', async (t) => {
  const silent = createTcpServer((socket) => void socket.on('error', () => {}))
  const port = await listen(silent, picturesAddress)
  t.teardown(() => silent.close())
  const rules = {
    allow: allowing(`pictures.test:${port}`),
    connectMs: 200,
    isAllowedAddress: () => true,
  }
  await t.rejects(
    fetcher(rules)(`https://pictures.test:${port}/`, never),
    failed('its host did not accept a connection within 0.2 seconds'),
  )
})

t.test('a host that cannot be reached, or a DNS that fails, is a failure', async (t) => {
  const pictures = createTcpServer()
  const port = await listen(pictures, picturesAddress)
  await new Promise((done) => pictures.close(done))
  const deserted = { allow: allowing(`http://pictures.test:${port}`), isAllowedAddress: () => true }
  await t.rejects(fetcher(deserted)(`http://pictures.test:${port}/`, never), failed(broken))
  const lost = fetcher({
    allow: allowing('*'),
    resolve: () => Promise.reject(Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' })),
  })
  await t.rejects(lost('https://example.com/', never), failed('its host could not be looked up'))
})

t.test("the caller's signal ends it at any moment", async (t) => {
  const stop = new AbortController()
  const { url, requests, fetchBytes, allClosed } = await around(t, (_, response) => {
    response.write('x')
    setTimeout(() => stop.abort(new Error('the caller left')), 20)
  })
  await t.rejects(fetchBytes(url, stop.signal), { message: 'the caller left' })
  await allClosed()
  t.equal(getEventListeners(stop.signal, 'abort').length, 0)
  await t.rejects(fetchBytes(url, stop.signal), { message: 'the caller left' }, 'an old signal')
  t.equal(requests.length, 1)

  const later = new AbortController()
  const lookingUp = fetcher({ allow: allowing('*'), resolve: () => new Promise(() => {}) })
  const outcome = lookingUp('https://example.com/', later.signal)
  later.abort(new Error('left during the look-up'))
  await t.rejects(outcome, { message: 'left during the look-up' })
})

t.test('in all of this, the canary heard nothing', async (t) => {
  t.equal(canaryCalls.count, 0)
  const { port, fetchBytes } = await around(t, () => {}, { isAllowedAddress: () => true })
  await t.rejects(fetchBytes(`http://inside.test:${port}/`, never), failed(broken))
  t.equal(canaryCalls.count, 1, 'it would have, had a rule been missing')
})
