import t from 'tap'
import type { JsonSchema } from '../../src/inference/question.ts'
import { excessOf } from '../../src/inference/schema-bounds.ts'

const names = (count: number) => Array.from({ length: count }, (_, index) => `name ${index}`)
const properties = (count: number) => Object.fromEntries(names(count).map((name) => [name, {}]))

/** Definitions of which each refers to the one below as `make` says. */
function chain(levels: number, make: (below: object) => object): JsonSchema {
  const definitions: Record<string, object> = { level0: { type: 'string' } }
  for (let level = 1; level <= levels; level += 1)
    definitions[`level${level}`] = make({ $ref: `#/definitions/level${level - 1}` })
  return { $ref: `#/definitions/level${levels}`, definitions }
}

t.test('ways into one place are counted through references', (t) => {
  const twice = (keyword: string) => (below: object) => ({ [keyword]: [below, below] })
  for (const keyword of ['anyOf', 'oneOf', 'allOf']) {
    t.equal(excessOf(chain(9, twice(keyword))), undefined, keyword)
    t.match(excessOf(chain(10, twice(keyword))), /at most 1000 alternatives/, keyword)
  }
  t.equal(excessOf({ enum: names(1000) }), undefined)
  t.match(excessOf({ properties: { inner: { enum: names(1001) } } }), /alternatives/)
  const half = { enum: names(501) }
  t.match(excessOf({ items: [{ anyOf: [half, { enum: names(500) }] }] }), /alternatives/)
  const apart = (below: object) => ({ properties: { a: below, b: below }, required: ['a', 'b'] })
  t.equal(excessOf(chain(40, apart)), undefined, 'one after the other is not one beside the other')
  t.end()
})

t.test('what refers to itself, to nothing or to elsewhere has an end', (t) => {
  for (const $ref of ['#', '#/anyOf/0', '#/nowhere/at/all', '#name', 'https://example.org/', '#/__proto__/x'])
    t.equal(excessOf({ anyOf: [{ $ref }, { type: 'string' }], items: { $ref } }), undefined, $ref)
  t.match(
    excessOf({ 'a/b~': { enum: names(600) }, anyOf: [{ $ref: '#/a~1b~0' }, { $ref: '#/a~1b~0' }] }),
    /alternatives/,
  )
  t.end()
})

t.test('properties that may be left out are counted, those that must be there are not', (t) => {
  t.equal(excessOf({ properties: properties(300) }), undefined)
  t.match(excessOf({ properties: properties(301) }), /at most 300 properties/)
  t.equal(excessOf({ properties: properties(900), required: names(600) }), undefined)
  t.match(excessOf({ anyOf: [{ properties: properties(302), required: ['name 0'] }] }), /properties/)
  t.end()
})

t.test('patterns have a length, all together and with their counts written out', (t) => {
  t.equal(excessOf({ items: { pattern: 'a'.repeat(8192) } }), undefined)
  t.match(excessOf({ items: { pattern: 'a'.repeat(8193) } }), /patterns are too long/)
  const half = { pattern: 'a'.repeat(4097) }
  t.match(excessOf({ properties: { a: half, b: half } }), /patterns are too long/)
  t.match(excessOf({ patternProperties: { ['a'.repeat(8193)]: {} } }), /patterns are too long/)
  for (const pattern of ['^[A-Z]{2}\\d{1,64}-.{0,500}$', '^.{0,1000}$', 'a{,5}'])
    t.equal(excessOf({ items: { pattern } }), undefined, pattern)
  for (const pattern of [
    `(${'a'.repeat(200)}){1000}`,
    `((${'a'.repeat(250)}){30}){30}`,
    'a{1000}'.repeat(40),
  ])
    t.match(excessOf({ items: { pattern } }), /patterns are too long/, pattern.slice(-20))
  t.end()
})

t.test('a pattern repeats so often and no more', (t) => {
  const repeating = (count: number) => ({ items: { pattern: `^(?:${'a?'.repeat(count)})$` } })
  t.equal(excessOf(repeating(64)), undefined)
  t.match(excessOf(repeating(65)), /at most 64 repeats/)
  t.end()
})
