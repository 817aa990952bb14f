/** Addresses that nobody outside may have asked, in all the ways that URLs let them be written. No two are alike. */
import { seeded } from '../../fuzz/mutate.ts'

/** Of every class that is no public machine: this one, private networks, carriers', links, metadata, examples, groups. */
export const forbiddenFour = [
  '0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.254 100.64.0.1 100.127.255.254 127.0.0.1 127.1.2.3 127.255.255.254 168.63.129.16',
  '169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.254 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1',
  '198.18.0.1 198.19.255.254 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255',
].flatMap((line) => line.split(' '))

export const forbiddenSix = [
  ':: ::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 fc00::1 fd00:ec2::254 ff01::1 ff02::1 ff05::2 2001:db8::1 3fff::1',
  '5f00::1 100::1 64:ff9b:1::1 2001:2::1 2001:10::1 4000::1 ::2',
].flatMap((line) => line.split(' '))

/** What machines call themselves and each other, and their clouds. */
const names = [
  'localhost LOCALHOST localhost. localhost.localdomain a.localhost ip6-localhost ip6-loopback broadcasthost',
  'metadata metadata.google.internal metadata.google.internal. instance-data host.docker.internal gateway.docker.internal',
  'kubernetes.default.svc kubernetes.default.svc.cluster.local router.lan nas.home.arpa printer.local db intranet.corp',
  'localhost.example 127.0.0.1.example 127-0-0-1.example xn--localhost-.example ⓛⓞⓒⓐⓛⓗⓞⓢⓣ ｌｏｃａｌｈｏｓｔ lo\u00adcalhost',
].flatMap((line) => line.split(' '))

const numbersOf = (four: string): number[] => four.split('.').map(Number)
const whole = (four: string): number => numbersOf(four).reduce((number, byte) => number * 256 + byte, 0)
const hex = (number: number, digits = 0): string => number.toString(16).padStart(digits, '0')
/** The last 32 bits of an IPv6 address. */
const pair = (four: string): string => `${hex(whole(four) >>> 16)}:${hex(whole(four) & 0xffff)}`
const digitsFrom = (first: number) => (four: string) =>
  four.replace(/\d/g, (digit) => String.fromCodePoint(first + Number(digit)))
const circled = (four: string): string =>
  four.replace(/\d/g, (digit) => String.fromCodePoint(digit === '0' ? 0x24ea : 0x2460 + Number(digit) - 1))

/** One IPv4 address as a host. */
const hostsOfFour: readonly ((four: string) => string)[] = [
  (four) => four,
  (four) => `${four}.`,
  (four) => String(whole(four)),
  (four) => `0x${hex(whole(four))}`,
  (four) => `0X${hex(whole(four)).toUpperCase()}`,
  (four) => `0${whole(four).toString(8)}`,
  (four) => `000000${whole(four).toString(8)}`,
  (four) =>
    numbersOf(four)
      .map((byte) => `0x${hex(byte)}`)
      .join('.'),
  (four) =>
    numbersOf(four)
      .map((byte) => `0${byte.toString(8)}`)
      .join('.'),
  (four) =>
    numbersOf(four)
      .map((byte) => `0000${byte.toString(8)}`)
      .join('.'),
  (four) =>
    numbersOf(four)
      .map((byte, index) => (index % 2 === 0 ? `0x${hex(byte)}` : String(byte)))
      .join('.'),
  (four) => `${numbersOf(four)[0]}.${whole(four) % 2 ** 24}`,
  (four) => `${numbersOf(four)[0]}.${numbersOf(four)[1]}.${whole(four) % 2 ** 16}`,
  (four) => `0x${hex(numbersOf(four)[0] ?? 0)}.0${(whole(four) % 2 ** 24).toString(8)}`,
  digitsFrom(0xff10),
  digitsFrom(0x1d7d8),
  circled,
  (four) => four.replaceAll('.', '。'),
  (four) => four.replaceAll('.', '．'),
  (four) => four.replaceAll('.', '%2e'),
  (four) => [...four].map((letter) => `%${hex(letter.charCodeAt(0), 2)}`).join(''),
  (four) => `${four.slice(0, 3)}\t${four.slice(3, 5)}\n${four.slice(5)}`,
  (four) => `${four.slice(0, 4)}\u200b\u00ad${four.slice(4)}`,
  (four) => `[::ffff:${four}]`,
  (four) => `[::FFFF:${pair(four)}]`,
  (four) => `[0:0:0:0:0:ffff:${four}]`,
  (four) => `[::ffff:0:${pair(four)}]`,
  (four) => `[::${four}]`,
  (four) => `[64:ff9b::${four}]`,
  (four) => `[64:ff9b:1::${pair(four)}]`,
  (four) => `[2002:${pair(four)}::1]`,
  (four) => `[2001:0:${pair(four)}::1]`,
  // Teredo writes its client's address with each bit turned.
  (four) => `[2001:0:5db8:d822::${hex(~whole(four) >>> 16)}:${hex(~whole(four) & 0xffff)}]`,
  (four) => `[fe80::5efe:${four}]`,
  (four) => `[2606:4700::5efe:${four}]`,
  (four) => `${four}.names.test`,
  (four) => `4-${hex(whole(four), 8)}.names.test`,
]

const hostsOfSix: readonly ((six: string) => string)[] = [
  (six) => `[${six}]`,
  (six) => `[${six.toUpperCase()}]`,
  (six) => `[${six.replace('::', ':0:0::')}]`,
  (six) => `[${six}%25lo]`,
  (six) => `[${six}%eth0]`,
  (six) => `6-${six.replaceAll(':', 'x')}.names.test`,
]

/** A host in an address: what leads a reader to take another part of it for the host, and what needs not be there. */
const addressesWith: readonly ((host: string) => string)[] = [
  (host) => `http://${host}/a.png`,
  (host) => `https://${host}/a.png`,
  (host) => `http://${host}:8080/a.png`,
  (host) => `http://${host}:80`,
  (host) => `http://${host}:6379/`,
  (host) => `http://${host}:/a.png?b#c`,
  (host) => `HTTP://${host}/`,
  (host) => ` \thttp://${host}/a.png \n`,
  (host) => `http:\\\\${host}\\a.png`,
  (host) => `http:///${host}/a.png`,
  (host) => `http://////${host}/a.png`,
  (host) => `http://pictures.test@${host}/a.png`,
  (host) => `http://pictures.test:80@${host}/a.png`,
  (host) => `http://pictures.test%40${host}/a.png`,
  (host) => `http://${host}\\@pictures.test/a.png`,
  (host) => `http://${host}#@pictures.test/a.png`,
  (host) => `http://${host}?@pictures.test/a.png`,
  (host) => `http://@${host}/a.png`,
  (host) => `http://${host}/..//pictures.test/a.png`,
]

/** What is no address of a picture at all. */
const otherSchemes = [
  'file:///etc/passwd file://localhost/etc/passwd ftp://127.0.0.1/a.png gopher://127.0.0.1:6379/_PING dict://127.0.0.1:11211/',
  'ldap://127.0.0.1/ ws://127.0.0.1/ jar:http://127.0.0.1!/ view-source:http://127.0.0.1/ blob:http://127.0.0.1/a //127.0.0.1/a.png',
  'http:127.0.0.1/a.png https:[::1]/a.png unix:/run/docker.sock javascript:fetch("http://127.0.0.1") urn:127.0.0.1 127.0.0.1:80',
].flatMap((line) => line.split(' '))

/** So many of them, each way of writing before its second use; the same for the same number. */
export function spellings(count: number): string[] {
  const hosts = [
    ...forbiddenFour.flatMap((four, at) => hostsOfFour.map((host, way) => ({ host: host(four), at, way }))),
    ...forbiddenSix.flatMap((six, at) => hostsOfSix.map((host, way) => ({ host: host(six), at, way }))),
    ...names.map((host, at) => ({ host, at, way: 0 })),
  ]
  const random = seeded(count)
  const all = hosts
    .flatMap(({ host, at, way }) =>
      addressesWith.map((address, form) => ({
        text: address(host),
        // Ways and forms take turns, plain ones first.
        turn: ((at + way + form) % addressesWith.length) + random(),
      })),
    )
    .sort((one, other) => one.turn - other.turn)
    .map(({ text }) => text)
  return [...new Set([...otherSchemes, ...all])].slice(0, count)
}
