import t from 'tap'
import { compiledSchema } from '../../src/inference/json-schema.ts'
import { inOneDialect } from '../../src/inference/schema-dialect.ts'

const drafts = [
  'https://json-schema.org/draft/2020-12/schema',
  'https://json-schema.org/draft/2019-09/schema',
  'http://json-schema.org/draft-07/schema#',
  'http://json-schema.org/draft-06/schema#',
  'http://json-schema.org/draft-04/schema#',
  'https://example.com/a-dialect-of-my-own',
]

t.test('a schema of any draft is taken, whatever it says it is', (t) => {
  for (const $schema of drafts) {
    const schema = {
      $schema,
      type: 'object',
      properties: { count: { type: 'integer' } },
      required: ['count'],
    }
    const check = compiledSchema(schema)
    t.equal(check({ count: 2 }), null, $schema)
    t.match(check({ count: 'two' }), /count must be integer/)
  }
  t.end()
})

t.test('lists by their places, in the words of 2020-12 and of those before', (t) => {
  const pair = [{ type: 'string' }, { type: 'integer' }]
  const newer = { type: 'array', prefixItems: pair, items: false }
  const older = { type: 'array', items: pair, additionalItems: false }
  t.strictSame(inOneDialect(newer), older)
  t.strictSame(inOneDialect(older), older)
  t.strictSame(inOneDialect({ prefixItems: pair }), { items: pair }, 'what follows is free')
  for (const schema of [newer, older]) {
    const check = compiledSchema(schema)
    t.equal(check(['a', 1]), null)
    t.match(check([1, 'a']), /must be string/)
    t.match(check(['a', 1, 2]), /more than 2 items/)
  }
  t.end()
})

t.test('limits that exclude themselves by a flag, as draft 04 has them', (t) => {
  const schema = { type: 'integer', minimum: 1, exclusiveMinimum: true, maximum: 9, exclusiveMaximum: false }
  t.strictSame(inOneDialect(schema), { type: 'integer', exclusiveMinimum: 1, maximum: 9 })
  t.strictSame(inOneDialect({ exclusiveMinimum: true, exclusiveMaximum: 3 }), { exclusiveMaximum: 3 })
  const check = compiledSchema(schema)
  t.strictSame(
    [1, 2, 9, 10].map((value) => check(value) === null),
    [false, true, true, false],
  )
  t.end()
})

t.test('names of schemas go, and what refers to one leads to its place', (t) => {
  const colour = { type: 'string', enum: ['red'] }
  const named = {
    $id: 'https://example.com/picture',
    $defs: {
      'a/b~': { $id: 'colour', ...colour },
      shade: { $anchor: 'shade', ...colour },
      tone: { id: 'https://example.com/tone#', ...colour },
    },
    prefixItems: [
      { $ref: 'colour' },
      { $ref: '#shade' },
      { $ref: 'https://example.com/tone' },
      { $ref: 'https://example.com/picture#/$defs/shade' },
      { $dynamicRef: '#shade' },
      { $recursiveRef: '#' },
      { $ref: '#/$defs/shade' },
    ],
  }
  const references = [
    '#/$defs/a~1b~0',
    '#/$defs/shade',
    '#/$defs/tone',
    '#/$defs/shade',
    '#/$defs/shade',
    '#',
    '#/$defs/shade',
  ]
  t.strictSame(inOneDialect(named), {
    $defs: { 'a/b~': colour, shade: colour, tone: colour },
    items: references.map(($ref) => ({ $ref })),
  })
  const check = compiledSchema(named)
  t.equal(check(['red', 'red', 'red']), null)
  for (const place of [0, 1, 2]) t.ok(check(['red', 'red', 'red'].with(place, 'blue')), `${place}`)
  t.end()
})

t.test('what holds data stays as it is, and properties may be called anything', (t) => {
  const like = { $schema: 'x', $id: 'x', prefixItems: [], exclusiveMinimum: true, minimum: 1 }
  const schema = {
    enum: [like],
    const: like,
    default: like,
    examples: [like],
    properties: { $schema: { type: 'string' }, $id: { const: like }, id: { type: 'integer' }, items: {} },
    required: ['id'],
  }
  t.strictSame(inOneDialect(schema), schema)
  const own = JSON.parse('{"properties": {"__proto__": {"type": "string", "$id": "x"}}}')
  t.equal(JSON.stringify(inOneDialect(own)), '{"properties":{"__proto__":{"type":"string"}}}')
  t.end()
})

t.test('what is no schema is left for who compiles it to find', (t) => {
  for (const odd of [
    { properties: 5 },
    { allOf: {} },
    { items: [[[]]] },
    { $ref: 5 },
    { $ref: 'elsewhere#/a' },
  ])
    t.strictSame(inOneDialect(odd), odd)
  t.throws(() => compiledSchema({ $ref: 'elsewhere#/a' }), { code: 'invalid_json_schema' })
  t.end()
})

t.test('said twice is said once', (t) => {
  const schema = { $id: 'a', prefixItems: [{ $ref: 'a' }], items: { minimum: 1, exclusiveMinimum: true } }
  const once = inOneDialect(schema)
  t.strictSame(inOneDialect(once), once)
  t.end()
})
