/** Who asks is known by the key that was accepted or by the address, however it is told. */
import type { InjectOptions } from 'fastify'
import t, { type Test } from 'tap'
import { trustedProxies } from '../../src/http/caller.ts'
import { echo, testApp } from '../support/app.ts'

const bearer = Array.from({ length: 64 }, (_, bits) =>
  [...'bearer'].map((letter, place) => ((bits >> place) & 1 ? letter.toUpperCase() : letter)).join(''),
)

/** A service that remembers whom it took for the caller. */
async function service(t: Test, env: Record<string, string>) {
  const callers: string[] = []
  const app = await testApp(
    t,
    {
      infer: (call) => {
        callers.push(call.caller)
        return echo(call)
      },
    },
    env,
  )
  const post = async (headers: Record<string, string>, remoteAddress = '127.0.0.1') => {
    const request: InjectOptions = { method: 'POST', url: '/infer', payload: { prompt: 'a', image: 'AAAA' } }
    const { statusCode } = await app.inject({ ...request, headers, remoteAddress })
    return { status: statusCode, caller: callers.pop() }
  }
  return { app, post }
}

t.test('every spelling of a key counts towards one limit', async (t) => {
  const { post } = await service(t, { API_KEYS: 'a,b', RATE_LIMIT: '10' })
  const answers: number[] = []
  for (const [index, scheme] of bearer.entries())
    answers.push((await post({ authorization: `${scheme} ${' '.repeat(index % 3)}a` })).status)
  t.equal(answers.filter((status) => status === 200).length, 10)
  t.equal(answers.filter((status) => status === 429).length, 54)
  t.match(await post({ authorization: 'Bearer b' }), { status: 200, caller: 'key 2' })
})

t.test('without keys an address counts, whatever is sent beside it', async (t) => {
  const { post } = await service(t, { RATE_LIMIT: '2' })
  const ask = async (headers: Record<string, string>, from?: string) => (await post(headers, from)).status
  t.equal(await ask({ authorization: 'Bearer one' }), 200)
  t.equal(await ask({ authorization: 'Bearer two' }), 200)
  t.equal(await ask({ 'x-forwarded-for': '8.8.8.8' }), 429, 'nobody is believed')
  t.equal(await ask({}, '::ffff:127.0.0.1'), 429, 'the same in other words')
  t.equal(await ask({}, '127.0.0.2'), 200)
  t.equal(await ask({}, '2001:db8:1:2::1'), 200)
  t.equal(await ask({}, '2001:db8:1:2:ffff::9'), 200)
  t.equal(await ask({}, '2001:DB8:1:2::77'), 429, 'one household')
  t.equal(await ask({}, '2001:db8:1:3::1'), 200, 'another')
})

t.test('proxies that are trusted tell the address of their client', async (t) => {
  const { post } = await service(t, { TRUST_PROXY: '10.0.0.0/8, ::1' })
  const caller = async (forwarded: string, from = '10.1.2.3') =>
    (await post({ 'x-forwarded-for': forwarded }, from)).caller
  t.equal(await caller('8.8.8.8'), 'address 8.8.8.8')
  t.equal(await caller('8.8.8.8', '::1'), 'address 8.8.8.8')
  t.equal(await caller('8.8.8.8', '192.168.0.1'), 'address 192.168.0.1', 'a stranger')
  t.equal(
    await caller('6.6.6.6, 8.8.8.8, 10.0.0.9'),
    'address 8.8.8.8',
    'up to the first that is not trusted',
  )
  t.equal(await caller('8.8.8.8:1234'), 'address 8.8.8.8')
  t.equal(await caller('[2001:db8::1]:1234'), 'address 2001:db8::')
  t.equal(await caller('2001:db8::1'), 'address 2001:db8::')
  for (const garbage of ['unknown', '<script>', 'a'.repeat(5000), '1.2.3.4.5', ''])
    t.equal(await caller(garbage), 'address 10.1.2.3', garbage.slice(0, 20))
})

t.test('only they tell the host that was asked for, which must be known too', async (t) => {
  const { app } = await service(t, { TRUST_PROXY: 'loopback', ALLOWED_HOSTS: 'vision.example.com' })
  const status = async (forwarded: string, remoteAddress: string, more = {}) => {
    const headers = { host: 'llama-vision:5000', 'x-forwarded-host': forwarded, ...more }
    return (await app.inject({ url: '/livez', headers, remoteAddress })).statusCode
  }
  t.equal(await status('vision.example.com', '127.0.0.1'), 200)
  t.equal(await status('rebound.example', '127.0.0.1'), 421)
  t.equal(await status('rebound.example', '192.168.0.1'), 200, 'not looked at')
  t.equal(await status('localhost', '127.0.0.1', { host: 'rebound.example' }), 421, 'not instead of Host')
  const page = { origin: 'https://vision.example.com' }
  t.equal(await status('vision.example.com', '127.0.0.1', page), 200, 'the own page behind it')
  t.equal(await status('vision.example.com', '192.168.0.1', page), 403)
})

t.test('TRUST_PROXY takes addresses and ranges, and names what is neither', async (t) => {
  for (const good of [
    '',
    '10.0.0.7',
    '10.0.0.0/8, fd00::/8',
    'loopback,linklocal,uniquelocal',
    '::1',
    '::/1',
  ])
    await testApp(t, {}, { TRUST_PROXY: good })
  for (const wrong of [
    '1',
    'true',
    'nginx',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '::/0',
    '10.0.0.0/a',
    '10.0.0.0/8/8',
  ])
    t.throws(() => trustedProxies({ TRUST_PROXY: `::1,${wrong}` }), {
      name: 'ConfigError',
      message: `TRUST_PROXY holds ${wrong}; entries look like 10.0.0.7, 10.0.0.0/8, fd00::/8 or loopback, linklocal, uniquelocal`,
    })
})
