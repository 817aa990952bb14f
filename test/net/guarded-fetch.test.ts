/**
 * The pictures' server listens at 127.0.0.2, which the rules of these tests permit as if it were public. A canary
 * listens at the same port of 127.0.0.1, which stays forbidden: no case but its own may ever connect to it.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { getEventListeners, once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import {
  type AddressInfo,
  BlockList,
  createServer as createTcpServer,
  getDefaultAutoSelectFamily,
  isIP,
  setDefaultAutoSelectFamily,
} from 'node:net'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createFetcher, type FetchRules, isPublicAddress, parseAllowList } from '../../src/image/fetch.ts'
import { png } from '../support/images.ts'
import { until } from '../support/until.ts'

const picturesAddress = '127.0.0.2'
const canaryAddress = '127.0.0.1'
const maxBytes = 100_000
const never = new AbortController().signal
let callsOfCanary = 0

const hosts: Record<string, string[]> = {
  'pictures.test': [picturesAddress],
  'cdn.pictures.test': [picturesAddress],
  'other.test': [picturesAddress],
  'twice.test': [picturesAddress, picturesAddress],
  'inside.test': [canaryAddress],
  'mixed.test': [picturesAddress, canaryAddress],
  'mixed-six.test': [picturesAddress, '::1'],
  'nothing.test': [],
  'metadata.google.internal': ['169.254.169.254'],
}

const addressesOf = (addresses: string[]) => addresses.map((address) => ({ address, family: isIP(address) }))

async function resolve(host: string) {
  const addresses = hosts[host]
  if (addresses) return addressesOf(addresses)
  throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
}

async function listen(server: Server | ReturnType<typeof createTcpServer>, host: string, port = 0) {
  await once(server.listen(port, host), 'listening')
  return (server.address() as AddressInfo).port
}

/** A server that answers as told, the canary beside it, and a fetcher whose rules permit the one. */
async function around(t: Test, answer: RequestListener, rules: Partial<FetchRules> = {}) {
  const requests: string[] = []
  const pictures = createServer((request, response) => {
    requests.push(request.url ?? '')
    answer(request, response)
  })
  const port = await listen(pictures, picturesAddress)
  const canary = createTcpServer((socket) => {
    callsOfCanary += 1
    socket.destroy()
  })
  await listen(canary, canaryAddress, port)
  t.teardown(() => {
    pictures.closeAllConnections()
    pictures.close()
    canary.close()
  })
  const names = ['pictures.test', 'twice.test', 'inside.test', 'mixed.test', 'mixed-six.test', 'nothing.test']
  const fetchImage = createFetcher({
    allow: names.map((name) => `http://${name}:${port}`),
    maxBytes,
    resolve,
    isAllowedAddress: (address) => address === picturesAddress || isPublicAddress(address),
    ...rules,
  })
  const connections = () => new Promise<number>((done) => pictures.getConnections((_, count) => done(count)))
  const allClosed = async () => {
    let open = await connections()
    const noneIsOpen = () => {
      void connections().then((count) => {
        open = count
      })
      return open === 0
    }
    // A connection that is kept ends by itself after 4 s.
    await until(noneIsOpen, 'the end of all connections', 2000)
  }
  return { url: `http://pictures.test:${port}`, port, requests, fetchImage, allClosed }
}

const refused = (reason: string) => ({
  code: 'image_url_refused',
  status: 400,
  facts: { field: 'image', reason },
})
const failed = (reason: string) => ({
  code: 'image_url_failed',
  status: 400,
  facts: { field: 'image', reason },
})
const notPublic = 'its host does not resolve, or not to public addresses only'
const notListed = 'its host is not in IMAGE_URL_ALLOW'
const broken = 'the connection failed or broke off'

t.test('a picture comes as the bytes that were sent, asked for plainly and once', async (t) => {
  const picture = await png()
  let headers: Record<string, unknown> = {}
  const { url, port, requests, fetchImage, allClosed } = await around(t, (request, response) => {
    headers = request.headers
    response.end(picture)
  })
  t.strictSame(await fetchImage(`${url}/a%20b.png?size=2#top`, never), picture)
  t.strictSame(requests, ['/a%20b.png?size=2'])
  t.match(headers, { host: `pictures.test:${port}`, 'accept-encoding': 'identity' })
  t.notOk('cookie' in headers || 'authorization' in headers || 'referer' in headers)
  await allClosed()
  t.strictSame(await fetchImage(`http://twice.test:${port}/`, never), picture, 'a host with two addresses')
  t.strictSame(
    await fetchImage(`http://pictures.test.:${port}/`, never),
    picture,
    'a host with the dot of the root',
  )
  t.match(headers, { host: `pictures.test:${port}` })
})

t.test('without a choice of families, the checked address is used as well', async (t) => {
  const before = getDefaultAutoSelectFamily()
  setDefaultAutoSelectFamily(false)
  t.teardown(() => setDefaultAutoSelectFamily(before))
  const { port, fetchImage } = await around(t, (_, response) => response.end('picture'))
  t.equal(String(await fetchImage(`http://twice.test:${port}/`, never)), 'picture')
})

t.test('a body in many small pieces comes whole', async (t) => {
  const pieces = Array.from({ length: 3000 }, (_, index) => Buffer.from(`${index},`))
  const { url, fetchImage } = await around(t, (_, response) => {
    for (const piece of pieces) response.write(piece)
    response.end()
  })
  t.strictSame(await fetchImage(url, never), Buffer.concat(pieces))
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
  const rules = { maxBytes, resolve, isAllowedAddress: () => true }
  const allow = [`pictures.test:${port}`, `https://other.test:${port}`]
  const fetchImage = createFetcher({ ...rules, allow, ca: certificate })
  t.strictSame(await fetchImage(`https://pictures.test:${port}/a.png`, never), picture)
  t.strictSame(asked, ['pictures.test', `pictures.test:${port}`])
  await t.rejects(fetchImage(`https://other.test:${port}/`, never), failed(broken), 'a name of another host')
  await t.rejects(
    createFetcher({ ...rules, allow })(`https://pictures.test:${port}/`, never),
    failed(broken),
    'a certificate that nobody vouches for',
  )
  t.equal(asked.filter((name) => String(name).endsWith(`:${port}`)).length, 1, 'no further request was sent')
})

t.test('addresses that are not permitted are refused before anything is sent', async (t) => {
  const { url, port, requests, fetchImage } = await around(t, (_, response) => response.end('secret'))
  const scheme = 'IMAGE_URL_ALLOW does not permit its scheme and port for its host'
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
    await t.rejects(fetchImage(address, never), refused(reason), address.slice(0, 60))
  }
  t.strictSame(requests, [])
})

t.test('where any host is listed, private ones are refused in every spelling', async (t) => {
  const { port, requests } = await around(t, (_, response) => response.end('secret'))
  const anyHost = createFetcher({ allow: [`http://*:${port}`, '*', 'http://*'], maxBytes, resolve })
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
  const fetchImage = createFetcher({ allow: [`http://*:${port}`], maxBytes })
  await t.rejects(fetchImage(`http://localhost:${port}/`, never), refused(notPublic))
  await t.rejects(fetchImage(`http://[::1]:${port}/`, never), refused(notPublic))
  await t.rejects(createFetcher({ allow: [], maxBytes })('https://example.com/', never), refused(notListed))
})

t.test('a host is looked up once: a later, private answer has no effect', async (t) => {
  let lookups = 0
  const rebinding = async () => {
    lookups += 1
    return addressesOf(lookups === 1 ? [picturesAddress] : [canaryAddress])
  }
  const { url, requests, fetchImage } = await around(t, (_, response) => response.end('picture'), {
    resolve: rebinding,
  })
  t.equal(String(await fetchImage(`${url}/first`, never)), 'picture')
  t.equal(lookups, 1)
  await t.rejects(fetchImage(`${url}/second`, never), refused(notPublic), 'each request asks anew')
  t.strictSame(requests, ['/first'])
})

t.test('redirects are followed, up to three', async (t) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { url, requests, fetchImage } = await around(t, (request, response) => {
      const hops = Number(request.url?.slice(1))
      if (hops === 0) response.end('picture')
      else response.writeHead(status, { location: `/${hops - 1}` }).end('body of the redirect')
    })
    t.equal(String(await fetchImage(`${url}/1`, never)), 'picture', `one ${status}`)
    t.equal(String(await fetchImage(`${url}/3`, never)), 'picture', `three ${status}`)
    t.strictSame(requests, ['/1', '/0', '/3', '/2', '/1', '/0'])
    await t.rejects(fetchImage(`${url}/4`, never), failed('it redirects more than 3 times'))
    t.equal(requests.length, 10, 'four requests and no fifth')
  }
})

t.test('a redirect that leads nowhere ends', async (t) => {
  const { url, requests, fetchImage } = await around(t, (request, response) => {
    if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end()
    else if (request.url === '/404') response.writeHead(302, { location: '/gone' }).end()
    else response.writeHead(request.url === '/gone' ? 404 : 302).end()
  })
  await t.rejects(fetchImage(`${url}/loop`, never), failed('it redirects more than 3 times'))
  t.equal(requests.length, 4)
  await t.rejects(fetchImage(`${url}/404`, never), failed('after a redirect, it answered with status 404'))
  await t.rejects(fetchImage(`${url}/nowhere`, never), failed('it answered with status 302'))
})

t.test('each redirect is judged like a new request', async (t) => {
  let location = ''
  const { url, port, requests, fetchImage } = await around(
    t,
    (_, response) => response.writeHead(302, { location }).end('body of the redirect'),
    {},
  )
  const anyHost = await around(t, (_, response) => response.writeHead(302, { location }).end())
  const open = createFetcher({
    allow: [`http://*:${anyHost.port}`, 'http://*', '*'],
    maxBytes,
    resolve,
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
    const error = await fetchImage(url, never).catch((error) => error)
    t.match(error, refused(`after a redirect, ${reason}`), target)
    t.notMatch(error.message, /elsewhere|inside|mixed|127\.|passwd|body of/, 'the target is not told')
  }
  t.equal(requests.length, cases.length)
  for (const target of ['127.0.0.1', '2130706433', '[::ffff:127.0.0.1]', 'metadata.google.internal']) {
    location = `http://${target}:${anyHost.port}/`
    await t.rejects(open(anyHost.url, never), refused(`after a redirect, ${notPublic}`), target)
  }
})

t.test('an answer other than 200 is a failure, and its body stays untold', async (t) => {
  const { url, fetchImage } = await around(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end(request.url === '/204' ? '' : 'password=hunter2')
  })
  for (const status of [201, 204, 206, 304, 400, 401, 403, 404, 410, 429, 500, 503]) {
    const error = await fetchImage(`${url}/${status}`, never).catch((error) => error)
    t.match(error, failed(`it answered with status ${status}`))
    t.notMatch(JSON.stringify([error.message, error.facts]), /hunter2|127\.0|pictures\.test/)
  }
})

t.test('size is what arrives, whatever the headers say', async (t) => {
  const tooLarge = failed(`it is larger than ${maxBytes} bytes`)
  let sent = 0
  let closed = false
  const { url, fetchImage } = await around(t, (request, response) => {
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
  t.equal((await fetchImage(`${url}/exact`, never)).length, maxBytes)
  t.equal(String(await fetchImage(`${url}/declared-less`, never)), 'more', 'never more than was declared')
  for (const path of ['/over', '/chunked-over', '/declared-over', '/endless']) {
    await t.rejects(fetchImage(url + path, never), tooLarge, path)
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
    await t.rejects(fetchImage(url + path, never), failed(broken), path)
  }
  await t.rejects(fetchImage(`${url}/declared-huge`, never), { code: 'image_url_failed' })
  await t.rejects(fetchImage(`${url}/empty`, never), failed('its answer is empty'))
})

t.test('a compressed answer is refused, not unpacked', async (t) => {
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  t.ok(bomb.length < maxBytes, 'the bomb would pass as it is')
  const { url, fetchImage } = await around(t, (request, response) => {
    const encoding = request.url?.slice(1) ?? ''
    response.writeHead(200, { 'content-encoding': encoding }).end(bomb)
  })
  for (const encoding of ['gzip', 'br', 'deflate', 'identity,gzip']) {
    await t.rejects(fetchImage(`${url}/${encoding}`, never), failed('its answer is compressed'), encoding)
  }
  t.strictSame(await fetchImage(`${url}/identity`, never), bomb, 'without the claim it is bytes like others')
})

t.test('whoever is slow is left alone after the set time', async (t) => {
  const { url, port, fetchImage, allClosed } = await around(
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
    await t.rejects(fetchImage(url + path, never), tooSlow, path)
  await allClosed()
  const deaf = { allow: [`http://*:${port}`], maxBytes, totalMs: 50 }
  const withoutAnswer = createFetcher({ ...deaf, resolve: () => new Promise(() => {}) })
  await t.rejects(withoutAnswer(url, never), failed('it took longer than 0.05 seconds'), 'the look-up')
})

t.test('a host that does not speak is given up before the whole time is over', async (t) => {
  const silent = createTcpServer((socket) => void socket.on('error', () => {}))
  const port = await listen(silent, picturesAddress)
  t.teardown(() => silent.close())
  const rules = {
    allow: [`pictures.test:${port}`],
    maxBytes,
    connectMs: 200,
    resolve,
    isAllowedAddress: () => true,
  }
  await t.rejects(
    createFetcher(rules)(`https://pictures.test:${port}/`, never),
    failed('its host did not accept a connection within 0.2 seconds'),
  )
})

t.test('a host that cannot be reached, or a DNS that fails, is a failure', async (t) => {
  const pictures = createTcpServer()
  const port = await listen(pictures, picturesAddress)
  await new Promise((done) => pictures.close(done))
  const deserted = {
    allow: [`http://pictures.test:${port}`],
    maxBytes,
    resolve,
    isAllowedAddress: () => true,
  }
  await t.rejects(createFetcher(deserted)(`http://pictures.test:${port}/`, never), failed(broken))
  const lost = createFetcher({
    allow: ['*'],
    maxBytes,
    resolve: () => Promise.reject(Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' })),
  })
  await t.rejects(lost('https://example.com/', never), failed('its host could not be looked up'))
})

t.test("the caller's signal ends it at any moment", async (t) => {
  const stop = new AbortController()
  const { url, requests, fetchImage, allClosed } = await around(t, (_, response) => {
    response.write('x')
    setTimeout(() => stop.abort(new Error('the caller left')), 20)
  })
  await t.rejects(fetchImage(url, stop.signal), { message: 'the caller left' })
  await allClosed()
  t.equal(getEventListeners(stop.signal, 'abort').length, 0)
  await t.rejects(fetchImage(url, stop.signal), { message: 'the caller left' }, 'an old signal')
  t.equal(requests.length, 1)

  const later = new AbortController()
  const lookingUp = createFetcher({ allow: ['*'], maxBytes, resolve: () => new Promise(() => {}) })
  const outcome = lookingUp('https://example.com/', later.signal)
  later.abort(new Error('left during the look-up'))
  await t.rejects(outcome, { message: 'left during the look-up' })
})

t.test('the list of hosts: what each entry permits', async (t) => {
  const permits = async (list: string, address: string) => {
    const rules = { allow: parseAllowList(list), maxBytes, resolve: async () => [] }
    const error = await createFetcher(rules)(address, never).catch((error) => error)
    // The list is looked at first: what it permits fails on the look-up instead.
    return error.facts.reason === notPublic
  }
  const cases: [string, string, boolean][] = [
    ['example.com', 'https://example.com/a.png', true],
    ['example.com', 'https://EXAMPLE.com:443/', true],
    ['example.com', 'https://example.com./', true],
    ['Example.COM.', 'https://example.com/', true],
    ['example.com', 'https://www.example.com/', false],
    ['example.com', 'http://example.com/', false],
    ['example.com', 'https://example.com:8443/', false],
    ['example.com', 'https://example.com.evil.test/', false],
    ['*.example.com', 'https://a.b.example.com/', true],
    ['*.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://badexample.com/', false],
    ['*', 'https://anything.test/', true],
    ['*', 'http://anything.test/', false],
    ['*', 'https://anything.test:22/', false],
    ['http://nas.example.com:8080', 'http://nas.example.com:8080/', true],
    ['http://nas.example.com:8080', 'https://nas.example.com/', false],
    ['http://nas.example.com:8080/', 'http://nas.example.com/', false],
    ['http://*.example.com', 'http://www.example.com/', true],
    ['HTTPS://example.com:8443', 'https://example.com:8443/', true],
    ['example.com:8443', 'https://example.com:8443/', true],
    ['bücher.example', 'https://xn--bcher-kva.example/', true],
    ['[2606:4700::1111]', 'https://[2606:4700:0::1111]:444/', false],
    [' a.test , b.test,', 'https://b.test/', true],
    ['', 'https://example.com/', false],
  ]
  for (const [list, address, expected] of cases) {
    t.equal(await permits(list, address), expected, `${list} and ${address}`)
  }
})

t.test('the list of hosts: nonsense is named', (t) => {
  t.strictSame(parseAllowList(' a.test ,, *.B.test,http://c.test:80, *'), [
    'https://a.test',
    'https://*.b.test',
    'http://c.test',
    'https://*',
  ])
  t.strictSame(parseAllowList(' , '), [])
  const nonsense =
    'ftp://a.test|two words|*a.test|a.*.test|**|*.|.|a..b|http://|https://me@a.test|a.test/path|a.test?x|a.test#x|' +
    'a.test:99999|*.1.2.3.4|a%2eb|a;b|[::1|://a.test|data:a'
  for (const entry of nonsense.split('|')) {
    const named = new RegExp(`^IMAGE_URL_ALLOW holds ${entry.replace(/[^\w ]/g, '\\$&')};`)
    t.throws(() => parseAllowList(`a.test,${entry},b.test`), { message: named }, entry)
  }
  t.end()
})

/** What the registries of special-purpose addresses hold, and the forms that carry an IPv4 address inside. */
const specialRanges =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 ' +
  '192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 ' +
  '198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 ' +
  '::/3 ::/128 ::1/128 ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001::/32 2001:db8::/32 ' +
  '2002::/16 2620:4f:8000::/48 3fff::/20 4000::/2 5f00::/16 8000::/1 fc00::/7 fe80::/10 fec0::/10 ff00::/8'
const ranges = specialRanges.split(' ').map((range) => {
  const [base = '', prefix = '0'] = range.split('/')
  return { base, prefix: Number(prefix), family: isIP(base) === 4 ? ('ipv4' as const) : ('ipv6' as const) }
})
// One list each: in a common one, ranges of IPv6 hold the IPv4 addresses too.
const special = { ipv4: new BlockList(), ipv6: new BlockList() }
for (const { base, prefix, family } of ranges) special[family].addSubnet(base, prefix, family)

const fourAsNumber = (address: string) =>
  address.split('.').reduce((number, byte) => number * 256n + BigInt(byte), 0n)
const asFour = (number: bigint) =>
  [24n, 16n, 8n, 0n].map((shift) => String((number >> shift) & 255n)).join('.')
const asSix = (number: bigint) =>
  (number.toString(16).padStart(32, '0').match(/.{4}/g) ?? [])
    .map((part) => part.replace(/^0+(?=.)/, ''))
    .join(':')
function sixAsNumber(address: string): bigint {
  const [left = '', right = ''] = address.split('::')
  const head = left.split(':').filter(Boolean)
  const tail = right.split(':').filter(Boolean)
  const parts = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  return parts.reduce((number, part) => number * 65_536n + BigInt(`0x${part}`), 0n)
}

/** Any address of any special range: the range's own bits, and chance for the rest. */
const specialAddress = fc
  .tuple(fc.constantFrom(...ranges), fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }))
  .map(([{ base, prefix, family }, chance]) => {
    const four = family === 'ipv4'
    const free = BigInt((four ? 32 : 128) - prefix)
    const number = (four ? fourAsNumber(base) : sixAsNumber(base)) + (chance & ((1n << free) - 1n))
    return four ? asFour(number) : asSix(number)
  })

t.test('no special address is public, whichever way it is written', async () => {
  const fetchImage = createFetcher({ allow: ['*', 'http://*'], maxBytes, resolve })
  fc.assert(
    fc.property(specialAddress, (address) => !isPublicAddress(address)),
    { numRuns: 5000 },
  )
  await fc.assert(
    fc.asyncProperty(specialAddress, fc.nat(3), async (address, style) => {
      const number = fourAsNumber(isIP(address) === 4 ? address : '127.0.0.1')
      const spellings = [asFour(number), String(number), `0x${number.toString(16)}`, `0${number.toString(8)}`]
      const host = isIP(address) === 6 ? `[${address}]` : spellings[style]
      const error = await fetchImage(`http://${host}/`, never).catch((error) => error)
      return error.facts?.reason === notPublic
    }),
    { numRuns: 1000 },
  )
})

t.test('an IPv4 address inside an IPv6 one is as public as it is by itself, or not at all', (t) => {
  const hex = (address: string) => asSix(fourAsNumber(address)).split(':').slice(6).join(':')
  fc.assert(
    fc.property(fc.ipV4(), (four) => {
      const carriers = [
        '::',
        '::ffff:0:',
        '64:ff9b::',
        '64:ff9b:1::',
        '2606:4700::5efe:',
        '2606:4700::200:5efe:',
      ]
      const sixes = [...carriers.map((carrier) => carrier + hex(four)), `2002:${hex(four)}::1`]
      return (
        isPublicAddress(`::ffff:${four}`) === isPublicAddress(four) &&
        isPublicAddress(`::ffff:${hex(four)}`) === isPublicAddress(four) &&
        !sixes.some(isPublicAddress)
      )
    }),
  )
  t.end()
})

t.test('every other address is public', (t) => {
  const isIsatap = (address: string) => address.split(':')[5] === '5efe'
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(asSix)), (address) => {
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
      const known = special[family].check(address, family)
      return isPublicAddress(address) === (!known && !isIsatap(address))
    }),
    { numRuns: 5000 },
  )
  for (const address of [
    '8.8.8.8',
    '1.1.1.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:4700::1111',
    '2a00:1450::200e',
  ]) {
    t.ok(isPublicAddress(address), address)
  }
  for (const text of ['', 'localhost', '2130706433', '0x7f.1', '8.8', '08.8.8.8', '[::1]']) {
    t.notOk(isPublicAddress(text), text)
  }
  t.end()
})

t.test('in all of this, the canary heard nothing', async (t) => {
  t.equal(callsOfCanary, 0)
  const { port, fetchImage } = await around(t, () => {}, { isAllowedAddress: () => true })
  await t.rejects(fetchImage(`http://inside.test:${port}/`, never), failed(broken))
  t.equal(callsOfCanary, 1, 'it would have, had a rule been missing')
})

/** A certificate for one host, made on the spot: X.509 in the least DER that TLS accepts. */
function selfSigned(host: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const der = (tag: number, ...parts: Buffer[]): Buffer => {
    const content = Buffer.concat(parts)
    const length = content.length < 128 ? [content.length] : [0x82, content.length >> 8, content.length & 255]
    return Buffer.concat([Buffer.from([tag, ...length]), content])
  }
  const sequence = (...parts: Buffer[]) => der(0x30, ...parts)
  const identifier = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
  const time = (date: Date) =>
    der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))
  const number = der(0x02, Buffer.from([1]))
  const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'))
  const name = sequence(der(0x31, sequence(identifier('550403'), der(0x0c, Buffer.from(host)))))
  const alternativeName = sequence(identifier('551d11'), der(0x04, sequence(der(0x82, Buffer.from(host)))))
  const day = 86_400_000
  const content = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    number,
    ecdsaWithSha256,
    name,
    sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(alternativeName)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', content, privateKey))
  const certificate = sequence(content, ecdsaWithSha256, signature).toString('base64')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${certificate.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
