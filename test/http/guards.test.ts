/** Who may ask, how often, and from which pages. */
import t from 'tap'
import type { App } from '../../src/app.ts'
import { testApp } from '../support/app.ts'

t.test('with keys set, only who has one may ask; probes and the page are open', async (t) => {
  const app = await testApp(t, {}, { API_KEYS: 'first-key, second-key' })
  const ask = (authorization?: string, url = '/infer') =>
    app.inject({
      method: 'POST',
      url,
      payload: { prompt: 'a', image: 'AAAA' },
      headers: authorization === undefined ? {} : { authorization },
    })
  for (const wrong of [
    undefined,
    'Bearer ',
    'Bearer wrong',
    'Bearer first-key, second-key',
    'Basic first-key',
  ]) {
    const response = await ask(wrong)
    t.equal(response.statusCode, 401, String(wrong))
    t.match(response.json(), { error_type: 'validation', details: { code: 'unauthorized' } })
  }
  for (const right of ['Bearer first-key', 'bearer second-key'])
    t.equal((await ask(right)).statusCode, 200, right)
  t.match((await ask(undefined, '/v1/chat/completions')).json(), {
    error: { type: 'authentication_error', code: 'unauthorized' },
  })
  t.match((await ask(undefined, '/api/chat')).json(), { error: /API key is needed/ })
  t.equal((await app.inject('/metrics')).statusCode, 401)
  for (const open of ['/health', '/livez', '/', '/page.js', '/limits.json', '/docs', '/docs/json'])
    t.equal((await app.inject(open)).statusCode, 200, open)
})

t.test('a caller who asks too often is told when to come back', async (t) => {
  const app = await testApp(t, {}, { RATE_LIMIT: '2', API_KEYS: 'a,b' })
  const ask = (key: string) =>
    app.inject({
      method: 'POST',
      url: '/infer',
      payload: { prompt: 'a', image: 'AAAA' },
      headers: { authorization: `Bearer ${key}` },
    })
  t.same([(await ask('a')).statusCode, (await ask('a')).statusCode], [200, 200])
  const refused = await ask('a')
  t.equal(refused.statusCode, 429)
  t.match(refused.json(), { details: { code: 'rate_limited', limit: 2 } })
  t.ok(Number(refused.headers['retry-after']) >= 1)
  t.equal((await ask('b')).statusCode, 200, 'each key has its own share')
  t.equal((await app.inject('/health')).statusCode, 200)
})

t.test('pages of others may ask only when they are named', async (t) => {
  const preflight = (app: App, origin: string) =>
    app.inject({
      method: 'OPTIONS',
      url: '/infer',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
  const closed = await preflight(await testApp(t), 'https://a.example')
  t.equal(closed.headers['access-control-allow-origin'], undefined)
  const app = await testApp(t, {}, { CORS_ORIGINS: 'https://a.example' })
  t.equal(
    (await preflight(app, 'https://a.example')).headers['access-control-allow-origin'],
    'https://a.example',
  )
  t.equal((await preflight(app, 'https://b.example')).headers['access-control-allow-origin'], undefined)
})

t.test('browsers are told to be careful', async (t) => {
  const app = await testApp(t)
  t.match((await app.inject({ url: '/', headers: { accept: 'text/html' } })).headers, {
    'content-type': /^text\/html/,
    'content-security-policy': /default-src 'self'/,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  for (const url of ['/', '/docs'])
    t.notMatch((await app.inject(url)).headers['content-security-policy'], /upgrade-insecure/, 'no TLS here')
})
