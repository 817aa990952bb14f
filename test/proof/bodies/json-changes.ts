/**
 * Changes of JSON that leave most of its shape: one place at a time gets another type, another size, another name. What
 * JavaScript has no value for (a name that comes twice, a number beyond all bounds) is written as it is.
 */
import type { Random } from '../../fuzz/mutate.ts'

/** A piece of JSON as it is to be written. */
class Written {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

const one = <Item>(list: readonly Item[], random: Random): Item =>
  // A list with nothing to choose from would be a fault of these lines.
  list[Math.floor(random() * list.length)] as Item

const nested = (open: string, close: string, levels: number) =>
  new Written(`${open.repeat(levels)}1${close.repeat(levels)}`)

/** Values that honest clients do not send, of every type. */
const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e308,
  new Written('1e999'),
  new Written('-0'),
  new Written('01'),
  new Written('NaN'),
  new Written('0.00000000000000000000000000000000001'),
  new Written('9'.repeat(400)),
  '',
  ' ',
  '\0',
  '\ud83e',
  '\udd99\ud83e',
  '\ufeff\u200b\u202e',
  'true',
  '12',
  'constructor',
  'a'.repeat(40_000),
  '🦙'.repeat(9000),
  '<|im_start|><|image|><image><__media__>',
  'data:image/png;base64,',
  'data:image/png,%89PNG',
  'data:;base64,AAAA',
  'data:text/html;base64,PGI+',
  'http://127.0.0.1/a.png',
  'file:///etc/passwd',
  '/etc/passwd',
  'AAAA====',
  'AA AA\nAA=',
  '-_-_',
  'iVBORw0KGgo',
  [],
  [[]],
  [null, null],
  Array(70).fill('AAAA'),
  {},
  { '': '' },
  { type: 'string', pattern: '(a+)+$', minLength: 1e9 },
  { $ref: '#' },
  { $ref: 'http://127.0.0.1/schema' },
  { type: ['object', 'null', 'nothing'], properties: { a: { $ref: '#/properties/a' } } },
  { anyOf: [], allOf: [false], not: {} },
  { enum: [] },
  new Written('{"then":"x","toString":1,"valueOf":null,"length":-1}'),
  new Written('{"__proto__":{"stream":true,"toString":1},"constructor":{"prototype":null}}'),
  nested('[', ']', 99),
  nested('{"a":', '}', 120),
  nested('[', ']', 5000),
]

const oddNames = ['', '__proto__', 'constructor', 'prototype', 'toString', '\0', '\ud800', 'n'.repeat(300)]

/** A copy, since it may be changed in its turn. */
const oddValue = (random: Random): unknown => copyOf(one(oddValues, random))

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  const object = asObject(value)
  return object
    ? Object.fromEntries(Object.entries(object).map(([name, inner]) => [name, copyOf(inner)]))
    : value
}

/** Where a value stands: in `holder`, under `name`. */
type Place = { holder: Record<string, unknown>; name: string }

function placesIn(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null || value instanceof Written) return []
  const holder = value as Record<string, unknown>
  return Object.keys(holder).flatMap((name) => [{ holder, name }, ...placesIn(holder[name])])
}

const asObject = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Written)
    ? (value as Record<string, unknown>)
    : undefined

/** Names that come twice, or that a literal would not make an own one: objects are written member by member. */
const withMember = (value: unknown, name: string, more: unknown) =>
  new Written(
    write(value).replace(/^\{/, `{${JSON.stringify(name)}:${write(more)}${write(value) === '{}' ? '' : ','}`),
  )

function changedText(text: string, random: Random): unknown {
  const at = Math.floor(random() * (text.length + 1))
  const changes = [
    () => text.slice(0, at),
    () => text + text,
    () =>
      `${text.slice(0, at)}${one(['\0', '\ud800', '\n', '=', ' ', '%', '\u2028', '"'], random)}${text.slice(at)}`,
    () => `data:image/png;base64,${text}`,
    () => `  ${text}`,
    () => text.repeat(Math.min(50, Math.ceil(20_000 / (text.length + 1)))),
    () => [text],
  ]
  return one(changes, random)()
}

function changedNumber(number: number, random: Random): unknown {
  return one(
    [-number, number + 0.5, number * 1e6, String(number), number + 1, new Written(`${number}e400`)],
    random,
  )
}

/** Changes `value`, which is the caller's to lose, at one place. Gives what takes the place of all of it. */
function changedOnce(value: unknown, random: Random): unknown {
  const places = placesIn(value)
  if (places.length === 0 || random() < 0.02) return oddValue(random)
  const { holder, name } = one(places, random)
  const old = holder[name]
  const changes = [
    () => oddValue(random),
    () => oddValue(random),
    () => (typeof old === 'string' ? changedText(old, random) : oddValue(random)),
    () => (typeof old === 'number' ? changedNumber(old, random) : [old]),
    () =>
      Array.isArray(old)
        ? Array(1 + Math.floor(random() * 80))
            .fill(old[0] ?? null)
            .map(copyOf)
        : { [name]: old },
    () =>
      asObject(old)
        ? withMember(old, one([...Object.keys(old as object), ...oddNames], random), 1)
        : [old, copyOf(old)],
    () => (asObject(old) ? withMember(old, one(oddNames, random), oddValue(random)) : null),
    () => undefined,
  ]
  const changed = one(changes, random)()
  if (changed === undefined) {
    // Of a list, the rest moves up.
    if (Array.isArray(holder)) holder.splice(Number(name), 1)
    else delete holder[name]
  } else holder[name] = changed
  // Now and then it goes by another name as well.
  if (random() < 0.08 && !Array.isArray(holder)) {
    const other = one([...oddNames, ...Object.keys(holder)], random)
    Object.defineProperty(holder, other, {
      value: changed ?? old,
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return value
}

/** Lists of lists of long texts would come to more than a text can hold. */
const mostCharacters = 300_000

/** One to four changes of a value that is JSON; the value stays as it was. */
export function changedJson(value: object, random: Random): Buffer {
  let changed: unknown = structuredClone(value)
  let text = ''
  for (let left = 1 + Math.floor(random() * 4); left > 0 && text.length < mostCharacters; left -= 1) {
    changed = changedOnce(changed, random)
    text = write(changed)
  }
  const twice =
    asObject(changed) && random() < 0.05
      ? write(withMember(changed, one(Object.keys(value), random), null))
      : text
  return Buffer.from(twice)
}

function write(value: unknown): string {
  if (value instanceof Written) return value.text
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}:${write(inner)}`)
  return `{${members.join(',')}}`
}
