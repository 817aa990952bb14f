/** What pages of strangers make browsers send, and what programs send. */
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { testApp } from '../support/app.ts'

type Headers = Record<string, string>

const question = { prompt: 'a', image: 'AAAA' }
const page = 'https://page.example'
const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

t.test('a name of somebody else is refused on every route, before all else', async (t) => {
  const app = await testApp(t, {}, { API_KEYS: 'key' })
  for (const url of [
    '/',
    '/page.js',
    '/docs',
    '/docs/json',
    '/health',
    '/livez',
    '/metrics',
    '/api/tags',
    '/no',
  ]) {
    const response = await app.inject({ url, headers: { host: 'rebound.example:5000' } })
    t.equal(response.statusCode, 421, url)
    t.match(response.body, /rebound\.example:5000.*ALLOWED_HOSTS/, url)
    t.ok(response.headers['x-request-id'])
  }
  for (const url of ['/infer', '/v1/chat/completions', '/api/chat']) {
    const headers = { host: 'rebound.example' }
    t.equal((await app.inject({ method: 'POST', url, headers, payload: question })).statusCode, 421, url)
  }
  t.match((await app.inject({ url: '/health', headers: { host: 'rebound.example' } })).json(), {
    error_type: 'validation',
    details: { code: 'host_not_allowed', actual: 'rebound.example' },
  })
  const long = await app.inject({ url: '/livez', headers: { host: 'a'.repeat(5000) } })
  t.equal(long.statusCode, 200, 'one label')
  const longer = await app.inject({ url: '/livez', headers: { host: 'a.'.repeat(5000) } })
  t.equal(longer.json().details.actual.length, 100)
})

t.test('names that are listed are answered', async (t) => {
  const app = await testApp(t, {}, { ALLOWED_HOSTS: 'vision.example.com' })
  const status = async (host: string) => (await app.inject({ url: '/livez', headers: { host } })).statusCode
  t.equal(await status('vision.example.com'), 200)
  t.equal(await status('llama-vision:5000'), 200)
  t.equal(await status('other.example.com'), 421)
})

t.test('a target that names another host, several hosts, and none', async (t) => {
  const app = await testApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const ask = async (target: string, version: string, ...headers: string[]) => {
    const socket = connect(port, '127.0.0.1')
    socket.end([`GET ${target} HTTP/${version}`, ...headers, 'Connection: close', '', ''].join('\r\n'))
    return (await text(socket)).slice(0, 12)
  }
  t.equal(await ask('/livez', '1.1', 'Host: localhost'), 'HTTP/1.1 200')
  t.equal(await ask('/livez', '1.0'), 'HTTP/1.1 200', 'a probe that knows no Host')
  t.equal(await ask('/livez', '1.1', 'Host:'), 'HTTP/1.1 200')
  t.equal(await ask('/livez', '1.1', 'Host: évil'), 'HTTP/1.1 421')
  t.equal(await ask('http://localhost:1/livez', '1.1', 'Host: localhost'), 'HTTP/1.1 200')
  t.equal(await ask('http://rebound.example/livez', '1.1', 'Host: localhost'), 'HTTP/1.1 421')
  t.equal(await ask('HTTPS://x@rebound.example/livez', '1.1', 'Host: localhost'), 'HTTP/1.1 421')
  t.equal(await ask('/livez', '1.1', 'Host: localhost', 'hOST: rebound.example'), 'HTTP/1.1 400')
  t.equal(await ask('/livez', '1.1', 'Host: localhost', 'Host: localhost'), 'HTTP/1.1 400')
})

t.test('a form or fetch of a page elsewhere reaches nothing', async (t) => {
  let asked = 0
  const app = await testApp(t, {
    infer: async () => {
      asked += 1
      throw new Error('reached')
    },
  })
  const post = (headers: Headers, url = '/infer') =>
    app.inject({ method: 'POST', url, headers: { host: 'localhost:5000', ...headers }, payload: question })
  const form = { 'content-type': 'multipart/form-data; boundary=x' }
  for (const headers of [
    { 'sec-fetch-site': 'cross-site', origin: page },
    { 'sec-fetch-site': 'cross-site', origin: page, ...form },
    { 'sec-fetch-site': 'cross-site', ...link },
    { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' },
    { 'sec-fetch-site': 'cross-site, same-origin' },
    { 'sec-fetch-site': 'something-new' },
    // As browsers send it that do not tell the site, or to an address of the network over plain HTTP.
    { origin: page },
    { origin: page, ...form },
    { origin: 'null', ...form },
    { origin: 'http://localhost:3000' },
    { origin: 'http://localhost' },
    { origin: 'http://localhost:5000.evil.example' },
    { origin: 'http://evil.example#localhost:5000' },
    { origin: 'file://localhost:5000' },
    { origin: 'chrome-extension://localhost:5000' },
    { origin: 'http://localhost:5000, https://page.example' },
    { origin: '' },
  ] as Headers[]) {
    for (const url of ['/infer', '/v1/chat/completions', '/api/generate'])
      t.equal((await post(headers, url)).statusCode, 403, `${url} ${JSON.stringify(headers)}`)
  }
  const get = async (headers: Headers) => (await app.inject({ url: '/icon.svg', headers })).statusCode
  t.equal(await get({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }), 403, 'a picture there')
  t.equal(await get({ 'sec-fetch-site': 'cross-site', ...link, 'sec-fetch-dest': 'iframe' }), 403)
  t.equal(await get({ origin: page }), 403)
  t.equal(asked, 0)
  t.match((await post({ origin: page })).json(), {
    details: { code: 'origin_not_allowed', actual: page },
    error: /is at https:\/\/page\.example; .* CORS_ORIGINS/,
  })
  t.match((await post({ origin: 'null' })).json().error, /keeps to itself/)
})

t.test('the own page, people who follow a link, and programs are let in', async (t) => {
  const app = await testApp(t, {}, { ALLOWED_HOSTS: 'vision.example.com' })
  const post = async (headers: Headers) =>
    (await app.inject({ method: 'POST', url: '/infer', headers, payload: question })).statusCode
  const local = { host: 'localhost:5000' }
  const behind = { host: 'vision.example.com' }
  for (const headers of [
    local,
    { ...local, 'sec-fetch-mode': 'cors' },
    { ...local, 'sec-fetch-site': 'same-origin', origin: 'http://localhost:5000' },
    { ...local, 'sec-fetch-site': 'same-origin', origin: 'null' },
    { ...local, 'sec-fetch-site': 'none' },
    { ...local, origin: 'http://localhost:5000' },
    { ...local, origin: 'HTTP://LOCALHOST.:5000' },
    // TLS ends at the proxy.
    { ...behind, origin: 'https://vision.example.com' },
    { host: 'vision.example.com:443', origin: 'https://vision.example.com' },
    { host: 'vision.example.com:8443', origin: 'https://vision.example.com:8443' },
    { host: '192.168.1.7', origin: 'http://192.168.1.7' },
    { host: '[fd00::7]:5000', origin: 'http://[fd00::7]:5000' },
  ] as Headers[])
    t.equal(await post(headers), 200, JSON.stringify(headers))
  const get = async (url: string, headers: Headers) => (await app.inject({ url, headers })).statusCode
  t.equal(await get('/', { 'sec-fetch-site': 'cross-site', ...link }), 200)
  t.equal(await get('/docs', { 'sec-fetch-site': 'same-site', ...link }), 200)
  t.equal(await get('/', { origin: 'null' }), 200)
})

t.test('origins that are listed may ask from their pages, others not', async (t) => {
  const app = await testApp(t, {}, { CORS_ORIGINS: `${page}, null` })
  const ask = (origin: string, method: 'POST' | 'OPTIONS' = 'POST') =>
    app.inject({
      method,
      url: '/infer',
      headers: { origin, 'sec-fetch-site': 'cross-site', 'access-control-request-method': 'POST' },
      ...(method === 'POST' && { payload: question }),
    })
  for (const origin of [page, 'null']) {
    const preflight = await ask(origin, 'OPTIONS')
    t.match(preflight, { statusCode: 204, headers: { 'access-control-allow-origin': origin } })
    t.match(await ask(origin), { statusCode: 200, headers: { 'access-control-allow-origin': origin } })
  }
  t.equal((await ask('https://other.example')).statusCode, 403)
  t.equal((await ask('https://other.example', 'OPTIONS')).statusCode, 403)
  const any = await testApp(t, {}, { CORS_ORIGINS: '*' })
  const headers = { origin: page, 'sec-fetch-site': 'cross-site' }
  t.equal((await any.inject({ method: 'POST', url: '/infer', headers, payload: question })).statusCode, 200)
  t.equal((await any.inject({ url: '/', headers: { ...headers, host: 'rebound.example' } })).statusCode, 421)
})
