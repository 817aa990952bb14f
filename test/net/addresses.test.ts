import { BlockList, isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { isPublicAddress, parseAllowList } from '../../src/net/addresses.ts'
import { allowing, fetcher, never, notPublic } from '../support/guarded-servers.ts'

t.test('the list of hosts: what each entry permits', async (t) => {
  const permits = async (list: string, address: string) => {
    const rules = { allow: allowing(list), resolve: async () => [] }
    const error = await fetcher(rules)(address, never).catch((error) => error)
    // The list is looked at first: what it permits fails on the look-up instead.
    return error.message === notPublic
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
  const { setting, origins } = parseAllowList('SOME_HOSTS', ' a.test ,, *.B.test,http://c.test:80, *')
  t.equal(setting, 'SOME_HOSTS')
  t.strictSame(
    origins.map(({ origin }) => origin),
    ['https://a.test', 'https://*.b.test', 'http://c.test', 'https://*'],
  )
  t.strictSame(allowing(' , ').origins, [])
  const nonsense =
    'ftp://a.test|two words|*a.test|a.*.test|**|*.|.|a..b|http://|https://me@a.test|a.test/path|a.test?x|a.test#x|' +
    'a.test:99999|*.1.2.3.4|a%2eb|a;b|[::1|://a.test|data:a'
  for (const entry of nonsense.split('|')) {
    const named = new RegExp(`^SOME_HOSTS holds ${entry.replace(/[^\w ]/g, '\\$&')};`)
    t.throws(() => allowing('a.test', entry, 'b.test'), { message: named }, entry)
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
  const fetchBytes = fetcher({ allow: allowing('*', 'http://*') })
  fc.assert(
    fc.property(specialAddress, (address) => !isPublicAddress(address)),
    { numRuns: 5000 },
  )
  await fc.assert(
    fc.asyncProperty(specialAddress, fc.nat(3), async (address, style) => {
      const number = fourAsNumber(isIP(address) === 4 ? address : '127.0.0.1')
      const spellings = [asFour(number), String(number), `0x${number.toString(16)}`, `0${number.toString(8)}`]
      const host = isIP(address) === 6 ? `[${address}]` : spellings[style]
      const error = await fetchBytes(`http://${host}/`, never).catch((error) => error)
      return error.message === notPublic
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
