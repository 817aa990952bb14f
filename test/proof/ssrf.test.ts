/** A few of the addresses of the row, and the name server that it asks. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Resolver } from 'node:dns/promises'
import t from 'tap'
import { addressesOf, allowing, fetcher, never } from '../support/guarded-servers.ts'
import { serveNames } from './ssrf/names.ts'
import { spellings } from './ssrf/spellings.ts'

t.test('there are as many ways to write them as are asked for, the same each time', (t) => {
  const all = spellings(1000)
  t.equal(new Set(all).size, 1000)
  t.strictSame(spellings(1000), all)
  for (const part of [
    '127.0.0.1',
    '2130706433',
    '0x7f',
    '[::ffff:',
    '[2002:',
    '%31',
    '１',
    'localhost',
    '\\',
    '@',
  ])
    t.ok(
      all.some((text) => text.includes(part)),
      part,
    )
  t.end()
})

t.test('whichever way it is written, nobody is called', async (t) => {
  let calls = 0
  const count = () => {
    calls += 1
  }
  // Published by undici before it connects.
  subscribe('undici:client:beforeConnect', count)
  t.teardown(() => unsubscribe('undici:client:beforeConnect', count))
  const rules = {
    allow: allowing('*', 'http://*', 'http://*:8080', '*:8080'),
    resolve: async () => addressesOf(['127.0.0.1', '::1']),
  }
  const fetchBytes = fetcher(rules)
  for (const text of spellings(100))
    await t.rejects(fetchBytes(text, never), { name: 'FetchProblem', kind: 'refused' }, text)
  t.equal(calls, 0)
  const open = fetcher({ ...rules, isAllowedAddress: () => true })
  await t.rejects(open('http://2130706433:8080/', never), { name: 'FetchProblem', kind: 'failed' })
  t.ok(calls > 0, 'it would have been heard')
})

t.test('the name server answers what a name says', async (t) => {
  const names = await serveNames({ 'pictures.test': '5db8d822' }, 0)
  t.teardown(() => names.close())
  const resolver = new Resolver()
  resolver.setServers([`127.0.0.1:${names.port}`])
  const four = (name: string) => resolver.resolve4(name)
  t.strictSame(await four('pictures.test'), ['93.184.216.34'])
  t.strictSame(await four('4-5db8d822-7f000001.names.test'), ['93.184.216.34', '127.0.0.1'])
  t.strictSame(await four('then-5db8d822-7f000001.names.test'), ['93.184.216.34'])
  t.strictSame(await four('then-5db8d822-7f000001.names.test'), ['127.0.0.1'])
  t.strictSame(await four('anything.example'), ['127.0.0.1'])
  t.strictSame(await resolver.resolve6('anything.example'), ['::1'])
  t.strictSame(await resolver.resolve6('6-fe80xx1.names.test'), ['fe80::1'])
  await t.rejects(four('6-xx1.names.test'), { code: 'ENODATA' })
  t.ok(names.asked.has('pictures.test'))
})
