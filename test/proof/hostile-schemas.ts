/** Schemas that are made to hold the service or to end its engine, and such as try to change how answers are checked. */
import type { JsonSchema } from '../../src/inference/question.ts'

/** Definitions of which each refers to the one below as `make` says. */
function chain(levels: number, make: (below: object) => object): JsonSchema {
  const definitions: Record<string, object> = { level0: { type: 'string' } }
  for (let level = 1; level <= levels; level += 1)
    definitions[`level${level}`] = make({ $ref: `#/definitions/level${level - 1}` })
  return { $ref: `#/definitions/level${levels}`, definitions }
}

const nested = (levels: number, make: (below: object) => JsonSchema): JsonSchema =>
  Array.from({ length: levels }).reduce<JsonSchema>((below) => make(below), { type: 'string' })

const names = (count: number) => Array.from({ length: count }, (_, index) => `name ${index}`)
const each = (count: number, value: (index: number) => object) =>
  Object.fromEntries(names(count).map((name, index) => [name, value(index)]))
const items = { type: 'integer' }
const list = (of: object) => ({ type: 'array', items: of, minItems: 1 })

export const hostileSchemas: Record<string, JsonSchema> = {
  'deep arrays': nested(45, (below) => ({ type: 'array', items: below, minItems: 1 })),
  'deep objects': nested(20, (a) => ({ type: 'object', properties: { a }, required: ['a'] })),
  'alternatives that double': chain(40, (below) => ({ anyOf: [below, below] })),
  'lists that begin alike': chain(30, (below) => ({ anyOf: [list(below), list(below)] })),
  'trees that begin alike': {
    anyOf: [list({ $ref: '#' }), list({ $ref: '#' })],
  },
  'conditions that double': chain(60, (below) => ({ not: { not: below }, ...below })),
  'properties that double': chain(40, (a) => ({ properties: { a, b: a }, required: ['a', 'b'] })),
  'lists without end': { type: 'array', items, maxItems: 1e9 },
  'lists that must be long': { type: 'array', items, minItems: 1e12 },
  'long lists in long lists': nested(6, (below) => ({ items: below, type: 'array', minItems: 900 })),
  'texts without end': { type: 'string', maxLength: 1e9 },
  'texts that must be long': { type: 'string', minLength: 1e6 },
  'many values': { enum: names(5000) },
  'many alternatives': { anyOf: names(3000).map((name) => ({ const: name })) },
  'many properties': { type: 'object', properties: each(2000, () => ({})) },
  'many patterns': { type: 'object', properties: each(1000, (index) => ({ pattern: `^a${index}[b-z]{9}` })) },
  'counts in patterns': { type: 'string', pattern: 'a{1000}'.repeat(500) },
  'counts in counts': { type: 'string', pattern: '^(((a{30}){30}){30})$' },
  'patterns that may be shared out': { type: 'string', pattern: `^${'a?'.repeat(500)}b$` },
  'patterns that go back': { type: 'string', pattern: '^(a+)+$' },
  'what refers to itself': { $ref: '#' },
  'alternatives that refer to themselves': { anyOf: [{ $ref: '#' }, { type: 'string' }] },
  'bounds beyond numbers': { type: 'integer', minimum: -1e300, maximum: 1e300 },
  'a schema elsewhere': { properties: { a: { $ref: 'http://127.0.0.1:9/schema.json' } } },
}

/** Of an answer that has no `name`, each must say so, or be refused. */
export const steeringSchemas: JsonSchema[] = [
  { $async: true },
  { $schema: 'https://json-schema.org/draft/2020-12/schema' },
  { $id: 'http://json-schema.org/draft-07/schema#' },
  { $dynamicRef: '#name', $dynamicAnchor: 'name' },
  { nullable: true, $data: true, default: { name: 1 } },
  JSON.parse('{"__proto__":{"required":[]}}'),
].map((keywords) => ({ ...keywords, type: 'object', required: ['name'] }))
