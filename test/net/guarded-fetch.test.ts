import { createServer as createTlsServer } from 'node:https'
import { getDefaultAutoSelectFamily, setDefaultAutoSelectFamily } from 'node:net'
import t from 'tap'
import { createFetcher } from '../../src/net/guarded-fetch.ts'
import { selfSigned } from '../support/certificate.ts'
import {
  addressesOf,
  allowing,
  around,
  broken,
  canaryAddress,
  canaryCalls,
  failed,
  fetcher,
  listen,
  maxBytes,
  never,
  notListed,
  notPublic,
  picturesAddress,
  refused,
} from '../support/guarded-servers.ts'
import { png } from '../support/images.ts'

t.test('a picture comes as the bytes that were sent, asked for plainly and once', async (t) => {
  const picture = await png()
  let headers: Record<string, unknown> = {}
  const { url, port, requests, fetchBytes, allClosed } = await around(t, (request, response) => {
    headers = request.headers
    response.end(picture)
  })
  t.strictSame(await fetchBytes(`${url}/a%20b.png?size=2#top`, never), picture)
  t.strictSame(requests, ['/a%20b.png?size=2'])
  t.match(headers, { host: `pictures.test:${port}`, accept: 'image/*', 'accept-encoding': 'identity' })
  t.notOk('cookie' in headers || 'authorization' in headers || 'referer' in headers)
  await allClosed()
  t.strictSame(await fetchBytes(`http://twice.test:${port}/`, never), picture, 'a host with two addresses')
  t.strictSame(
    await fetchBytes(`http://pictures.test.:${port}/`, never),
    picture,
    'a host with the dot of the root',
  )
  t.match(headers, { host: `pictures.test:${port}` })
})

t.test('without a choice of families, the checked address is used as well', async (t) => {
  const before = getDefaultAutoSelectFamily()
  setDefaultAutoSelectFamily(false)
  t.teardown(() => setDefaultAutoSelectFamily(before))
  const { port, fetchBytes } = await around(t, (_, response) => response.end('picture'))
  t.equal(String(await fetchBytes(`http://twice.test:${port}/`, never)), 'picture')
})

t.test('a body in many small pieces comes whole', async (t) => {
  const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index},`))
  const { url, fetchBytes } = await around(t, (_, response) => {
    for (const piece of pieces) response.write(piece)
    response.end()
  })
  t.strictSame(await fetchBytes(url, never), Buffer.concat(pieces))
})

t.test('over https the name in the address is asked for, and must be in the certificate', async (t) => {
  const picture = await png()
  const { certificate, key } = selfSigned('pictures.test')
  const asked: unknown[] = []
  const server = createTlsServer(
    { key, cert: certificate, SNICallback: (name, done) => done(null, void asked.push(name)) },
    (request, response) => {
      asked.push(request.headers.host)
      response.end(picture)
    },
  )
  const port = await listen(server, picturesAddress)
  t.teardown(() => server.close())
  const rules = { isAllowedAddress: () => true }
  const allow = allowing(`pictures.test:${port}`, `https://other.test:${port}`)
  const fetchBytes = fetcher({ ...rules, allow, ca: certificate })
  t.strictSame(await fetchBytes(`https://pictures.test:${port}/a.png`, never), picture)
  t.strictSame(asked, ['pictures.test', `pictures.test:${port}`])
  await t.rejects(fetchBytes(`https://other.test:${port}/`, never), failed(broken), 'a name of another host')
  await t.rejects(
    fetcher({ ...rules, allow })(`https://pictures.test:${port}/`, never),
    failed(broken),
    'a certificate that nobody vouches for',
  )
  t.equal(asked.filter((name) => String(name).endsWith(`:${port}`)).length, 1, 'no further request was sent')
})

t.test('addresses that are not permitted are refused before anything is sent', async (t) => {
  const { url, port, requests, fetchBytes } = await around(t, (_, response) => response.end('secret'))
  const scheme = 'SOME_HOSTS does not permit its scheme and port for its host'
  const cases: [string, string][] = [
    [`http://elsewhere.test:${port}/`, notListed],
    [`http://evil-pictures.test:${port}/`, notListed],
    [`http://pictures.test.evil.test:${port}/`, notListed],
    [`http://www.pictures.test:${port}/`, notListed],
    [`https://pictures.test:${port}/`, scheme],
    ['http://pictures.test/', scheme],
    [`http://pictures.test:${port + 1}/`, scheme],
    [`http://me:secret@pictures.test:${port}/`, 'it carries a user name or password'],
    [`http://me@pictures.test:${port}/`, 'it carries a user name or password'],
    [`http://pictures.test:${port}@elsewhere.test/`, 'it carries a user name or password'],
    [`http://elsewhere.test\\@pictures.test:${port}/`, notListed],
    ['file:///etc/passwd', 'only https is fetched, or http'],
    [`ftp://pictures.test:${port}/a.png`, 'only https is fetched, or http'],
    ['data:image/png;base64,AAAA', 'only https is fetched, or http'],
    ['gopher://pictures.test/_GET', 'only https is fetched, or http'],
    ['/a.png', 'it is not a valid address'],
    ['https://', 'it is not a valid address'],
    [`${url}/${'a'.repeat(8192)}`, 'it is longer than 8192 characters'],
    [`http://inside.test:${port}/`, notPublic],
    [`http://mixed.test:${port}/`, notPublic],
    [`http://mixed-six.test:${port}/`, notPublic],
    [`http://nothing.test:${port}/`, notPublic],
  ]
  for (const [address, reason] of cases) {
    await t.rejects(fetchBytes(address, never), refused(reason), address.slice(0, 60))
  }
  t.strictSame(requests, [])
})

t.test('where any host is listed, private ones are refused in every spelling', async (t) => {
  const { port, requests } = await around(t, (_, response) => response.end('secret'))
  const anyHost = fetcher({ allow: allowing(`http://*:${port}`, '*', 'http://*') })
  const spellings = [
    '169.254.169.254',
    'metadata.google.internal',
    'inside.test',
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0177.0.0.1',
    '127.1',
    '127.0.0.1',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '0',
    '0.0.0.0',
    '10.0.0.1',
    '100.100.100.200',
    '168.63.129.16',
    '172.31.255.255',
    '192.168.1.1',
    '255.255.255.255',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::127.0.0.1]',
    '[2002:7f00:1::]',
    '[2001:0:7f00:1::]',
    '[2606:4700::5efe:127.0.0.1]',
    '[fe80::1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fec0::1]',
    '[ff02::1]',
    'unknown.test',
  ]
  for (const host of spellings) {
    for (const address of [
      `http://${host}:${port}/`,
      `http://${host}/`,
      `https://${host}/latest/meta-data`,
    ]) {
      await t.rejects(anyHost(address, never), refused(notPublic), address)
    }
  }
  t.strictSame(requests, [])
})

t.test('with nothing but the defaults, the names of this machine are refused', async (t) => {
  const { port } = await around(t, (_, response) => response.end('secret'))
  const fetchBytes = createFetcher({ allow: allowing(`http://*:${port}`), accept: 'image/*', maxBytes })
  await t.rejects(fetchBytes(`http://localhost:${port}/`, never), refused(notPublic))
  await t.rejects(fetchBytes(`http://[::1]:${port}/`, never), refused(notPublic))
  await t.rejects(fetcher({})('https://example.com/', never), refused(notListed))
})

t.test('a host is looked up once: a later, private answer has no effect', async (t) => {
  let lookups = 0
  const rebinding = async () => {
    lookups += 1
    return addressesOf(lookups === 1 ? [picturesAddress] : [canaryAddress])
  }
  const { url, requests, fetchBytes } = await around(t, (_, response) => response.end('picture'), {
    resolve: rebinding,
  })
  t.equal(String(await fetchBytes(`${url}/first`, never)), 'picture')
  t.equal(lookups, 1)
  await t.rejects(fetchBytes(`${url}/second`, never), refused(notPublic), 'each request asks anew')
  t.strictSame(requests, ['/first'])
})

t.test('redirects are followed, up to three', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { url, requests, fetchBytes } = await around(t, (request, response) => {
      const hops = Number(request.url?.slice(1))
      if (hops === 0) response.end('picture')
      else response.writeHead(status, { location: `/${hops - 1}` }).end('body of the redirect')
    })
    t.equal(String(await fetchBytes(`${url}/1`, never)), 'picture', `one ${status}`)
    t.equal(String(await fetchBytes(`${url}/3`, never)), 'picture', `three ${status}`)
    t.strictSame(requests, ['/1', '/0', '/3', '/2', '/1', '/0'])
    await t.rejects(fetchBytes(`${url}/4`, never), failed('it redirects more than 3 times'))
    t.equal(requests.length, 10, 'four requests and no fifth')
  }
})

t.test('a redirect that leads nowhere ends', async (t) => {
  const { url, requests, fetchBytes } = await around(t, (request, response) => {
    if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
    else if (request.url === '/404') response.writeHead(302, { location: '/gone' }).end()
    else response.writeHead(request.url === '/gone' ? 404 : 302).end()
  })
  await t.rejects(fetchBytes(`${url}/loop`, never), failed('it redirects more than 3 times'))
  t.equal(requests.length, 4)
  await t.rejects(fetchBytes(`${url}/404`, never), failed('after a redirect, it answered with status 404'))
  await t.rejects(fetchBytes(`${url}/nowhere`, never), failed('it answered with status 302'))
})

t.test('each redirect is judged like a new request', async (t) => {
  let location = ''
  const { url, port, requests, fetchBytes } = await around(
    t,
    (_, response) => response.writeHead(302, { location }).end('body of the redirect'),
    {},
  )
  const anyHost = await around(t, (_, response) => response.writeHead(302, { location }).end())
  const open = fetcher({
    allow: allowing(`http://*:${anyHost.port}`, 'http://*', '*'),
    isAllowedAddress: (address) => address === picturesAddress,
  })
  const cases: [string, string][] = [
    [`http://127.0.0.1:${port}/`, notListed],
    [`http://elsewhere.test:${port}/`, notListed],
    [`//elsewhere.test:${port}/`, notListed],
    [`http://inside.test:${port}/`, notPublic],
    [`http://mixed.test:${port}/`, notPublic],
    [`http://me:secret@pictures.test:${port}/`, 'it carries a user name or password'],
    ['file:///etc/passwd', 'only https is fetched, or http'],
    ['http://[', 'it is not a valid address'],
  ]
  for (const [target, reason] of cases) {
    location = target
    const error = await fetchBytes(url, never).catch((error) => error)
    t.match(error, refused(`after a redirect, ${reason}`), target)
    t.notMatch(error.message, /elsewhere|inside|mixed|127\.|passwd|body of/, 'the target is not told')
  }
  t.equal(requests.length, cases.length)
  for (const target of ['127.0.0.1', '2130706433', '[::ffff:127.0.0.1]', 'metadata.google.internal']) {
    location = `http://${target}:${anyHost.port}/`
    await t.rejects(open(anyHost.url, never), refused(`after a redirect, ${notPublic}`), target)
  }
})

t.test('in all of this, the canary heard nothing', async (t) => {
  t.equal(canaryCalls.count, 0)
  const { port, fetchBytes } = await around(t, () => {}, { isAllowedAddress: () => true })
  await t.rejects(fetchBytes(`http://inside.test:${port}/`, never), failed(broken))
  t.equal(canaryCalls.count, 1, 'it would have, had a rule been missing')
})
