import t from 'tap'
import type { JsonSchema } from '../../src/inference/question.ts'
import { readsTooManyWays } from '../../src/inference/schema-readings.ts'

const list = (items: object) => ({ type: 'array', items })
const any = (...anyOf: object[]): JsonSchema => ({ anyOf })
const record = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required,
})

function nested(levels: number, make: (below: object) => JsonSchema): JsonSchema {
  const definitions: Record<string, object> = { level0: { type: 'string' } }
  for (let level = 1; level <= levels; level += 1)
    definitions[`level${level}`] = make({ $ref: `#/definitions/level${level - 1}` })
  return { $ref: `#/definitions/level${levels}`, definitions }
}

/** What refers to itself, as `node`. */
const recursive = (make: (node: object) => JsonSchema): JsonSchema => ({
  $ref: '#/definitions/node',
  definitions: { node: make({ $ref: '#/definitions/node' }) },
})

t.test('alternatives that begin alike multiply by nesting', (t) => {
  const twice = (below: object) => any(list(below), list(below))
  t.notOk(readsTooManyWays(nested(9, twice)))
  t.ok(readsTooManyWays(nested(10, twice)))
  t.ok(readsTooManyWays(nested(30, (below) => any(record({ a: below }, []), record({ b: below })))))
  t.ok(readsTooManyWays(nested(30, (below) => any(record({ a: below }), record({ a: below })))))
  t.notOk(readsTooManyWays(nested(30, (below) => any({ type: 'string' }, list(below), record({ a: below })))))
  t.notOk(readsTooManyWays(nested(30, (below) => any(record({ a: below }), record({ b: below })))))
  t.notOk(readsTooManyWays(nested(30, (below) => record({ a: below, b: below }))))
  t.end()
})

t.test('trees are read in one way, unless two of their alternatives lead back and begin alike', (t) => {
  t.notOk(readsTooManyWays(recursive((node) => any({ type: 'string' }, list(node), record({ a: node })))))
  const named = (name: string, node: object) => record({ type: { const: name }, left: node, right: node })
  t.notOk(readsTooManyWays(recursive((node) => any(named('sum', node), named('product', node)))))
  t.ok(readsTooManyWays(recursive((node) => any(list(node), list(node)))))
  t.ok(readsTooManyWays(recursive((node) => any(list(list(node)), list(any(node, { type: 'null' }))))))
  t.ok(readsTooManyWays(recursive((node) => any(named('sum', node), named('sum', node)))))
  const open = (node: object) => record({ type: { type: 'string' }, left: node })
  t.ok(readsTooManyWays(recursive((node) => any(named('sum', node), open(node)))))
  t.notOk(readsTooManyWays(recursive((node) => any(list(node), list({ type: 'string' })))))
  t.end()
})

t.test('nothing of it needs a schema to make sense', (t) => {
  for (const schema of [{}, { anyOf: 7 }, { $ref: '#' }, { $ref: '#/a/b' }, { items: true, properties: [] }])
    t.notOk(readsTooManyWays(schema), JSON.stringify(schema))
  t.end()
})
