/**
 * In how many ways at once the engine's grammar can read the beginning of an answer. It follows all of them, one beside the
 * other, until a character tells them apart: `[[[` in two alternatives that are lists of two such lists is eight.
 */
import type { JsonSchema } from './question.ts'
import { isObject, type Json, sum, targetOf } from './schema-tree.ts'

const mostReadings = 1000

/** How values may begin, up to what tells objects apart, each with its readings at worst. */
type Beginnings = Map<string, number>

const anyList = '['
const anyObject = '{'

/** Whether there are too many, or no end of them. */
export function readsTooManyWays(root: JsonSchema): boolean {
  const known = new Map<Json, Beginnings>()
  let tooMany = false

  function beginningsOf(schema: unknown): Beginnings {
    if (!isObject(schema)) return new Map()
    const before = known.get(schema)
    if (before) return before
    // What leads back here is looked at below.
    known.set(schema, new Map())
    const alternatives = alternativesIn(schema, root)
    const ways = alternatives.map(beginningsOf)
    if (isList(schema)) ways.push(new Map([[anyList, worst(elementsOf(schema))]]))
    if (isRecord(schema)) ways.push(new Map([[beginningOf(schema), worst(membersOf(schema))]]))
    const beginnings: Beginnings = new Map()
    for (const text of new Set(ways.flatMap((way) => [...way.keys()])))
      beginnings.set(text, sum(ways.map((way) => readingsOf(way, text))))
    known.set(schema, beginnings)
    const alike = alternatives.filter((_, index) =>
      alternatives.some((__, other) => other !== index && overlap(ways[index], ways[other])),
    )
    tooMany ||= Math.max(0, ...beginnings.values()) > mostReadings
    tooMany ||= alike.length > 1 && alike.filter((one) => leadsTo(one, schema)).length > 1
    return beginnings
  }

  const worst = (inner: unknown[]): number =>
    Math.max(1, ...inner.flatMap((one) => [...beginningsOf(one).values()]))

  function leadsTo(from: unknown, place: Json): boolean {
    const seen = new Set<Json>()
    const open = [from]
    while (open.length > 0) {
      const schema = open.pop()
      if (!isObject(schema) || seen.has(schema)) continue
      if (schema === place) return true
      seen.add(schema)
      open.push(...alternativesIn(schema, root), ...elementsOf(schema), ...membersOf(schema))
    }
    return false
  }

  function lookAt(value: unknown): void {
    if (isObject(value)) beginningsOf(value)
    if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) lookAt(inner)
  }
  lookAt(root)
  return tooMany
}

/** Whatever begins an answer of less is also the beginning of one of more. */
const readingsOf = (way: Beginnings, text: string): number =>
  sum([...way].map(([begun, readings]) => (text.startsWith(begun) ? readings : 0)))

const overlap = (one: Beginnings = new Map(), other: Beginnings = new Map()): boolean =>
  [...one.keys()].some((text) =>
    [...other.keys()].some((its) => text.startsWith(its) || its.startsWith(text)),
  )

const alternativesIn = ({ anyOf, oneOf, allOf, $ref }: Json, root: Json): unknown[] => [
  ...[anyOf, oneOf, allOf].filter(Array.isArray).flat(),
  ...(typeof $ref === 'string' ? [targetOf(root, $ref)] : []),
]

const isList = ({ type, items }: Json) => [type].flat().includes('array') || items !== undefined
const isRecord = ({ type, properties, additionalProperties }: Json) =>
  [type].flat().includes('object') || properties !== undefined || isObject(additionalProperties)

/** One for all, or one for each place: the dialect that the engine reads (schema-dialect.ts). */
const elementsOf = ({ items }: Json): unknown[] => [items].flat()
const membersOf = ({ properties, additionalProperties }: Json): unknown[] => [
  ...(isObject(properties) ? Object.values(properties) : []),
  additionalProperties,
]

/** The engine writes properties in their order: where the first must be there, it tells objects apart, and so may its value. */
function beginningOf({ properties, required }: Json): string {
  const [first] = isObject(properties) ? Object.entries(properties) : []
  if (!first || !Array.isArray(required) || !required.includes(first[0])) return anyObject
  const [name, value] = first
  const told = isObject(value) && value.const !== undefined ? `${JSON.stringify(value.const)} ` : ''
  return `{${JSON.stringify(name)}:${told}`
}
