import t from 'tap'
import { jsonCheck } from '../../src/inference/json-answer.ts'
import { compiledSchema } from '../../src/inference/json-schema.ts'

const stop = (text: string) => ({ text, finishReason: 'stop' as const })
const cut = (text: string) => ({ text, finishReason: 'length' as const })

t.test('an answer is as asked, cut off, or wrong and why', (t) => {
  const check = jsonCheck({
    type: 'object',
    properties: { name: { type: 'string', pattern: '^[A-Z]' } },
    required: ['name'],
  })
  t.equal(check(stop('{"name":"Anna"}')), null)
  t.equal(check(cut('{"name":"Anna"}')), null, 'whole in spite of the limit')
  t.match(check(cut('{"name":"An')), { reason: 'truncated', message: /cut off/ })
  t.match(check(stop('{"name":"An')), { reason: 'invalid', message: /is not JSON/ })
  t.match(check(stop('{"name":"anna"}')), { reason: 'invalid', message: /^\/name must match pattern/ })
  t.match(check(stop('7')), { reason: 'invalid', message: /^The answer must be object/ })
  t.equal(jsonCheck(true)(stop('[1]')), null)
  t.end()
})

t.test('a schema that is none is refused before the engine works', (t) => {
  for (const schema of [{ type: 'nonsense' }, { $ref: '#/nowhere' }, { pattern: '(' }]) {
    t.throws(() => jsonCheck(schema), { code: 'invalid_json_schema' }, JSON.stringify(schema))
  }
  t.end()
})

t.test('patterns take a time that grows with the text alone', (t) => {
  // A backtracking engine would need longer than the universe has been there.
  const check = jsonCheck({ type: 'string', pattern: '^(a+)+$' })
  t.match(check(stop(JSON.stringify(`${'a'.repeat(5000)}b`))), {
    reason: 'invalid',
    message: /must match pattern/,
  })
  t.equal(check(stop(JSON.stringify('a'.repeat(5000)))), null)
  const spelled = jsonCheck({ type: 'string', pattern: '^\\u00e9\\d{2}\\/(?<name>\\w+)$' })
  t.equal(spelled(stop('"é12/abc"')), null)
  t.match(spelled(stop('"e12/abc"')), { reason: 'invalid' })
  for (const pattern of ['(?=a)b', '(?<!a)b', '(a)\\1']) {
    t.throws(() => jsonCheck({ type: 'string', pattern }), {
      code: 'invalid_json_schema',
      message: /lookaround and references to groups are not supported/,
    })
  }
  t.end()
})

t.test('no keyword changes how the check runs', (t) => {
  const draft = 'https://json-schema.org/draft/2020-12/schema'
  for (const keyword of [
    { $async: true },
    { $schema: draft },
    { $id: 'http://json-schema.org/draft-07/schema#' },
  ]) {
    const check = jsonCheck({ ...keyword, type: 'object', required: ['name'] })
    t.equal(check(stop('{"name":1}')), null, JSON.stringify(keyword))
    t.match(check(stop('{}')), { reason: 'invalid', message: /must have required property 'name'/ })
  }
  const inner = { $async: true, type: 'string' }
  for (const schema of [
    { properties: { inner } },
    { $ref: '#/definitions/inner', definitions: { inner } },
    { anyOf: [inner, { not: inner }], properties: { inner } },
  ]) {
    t.equal(jsonCheck(schema)(stop('{"inner": "a"}')) === null, !('$ref' in schema), JSON.stringify(schema))
    t.match(jsonCheck(schema)(stop('{"inner": 1}')), { reason: 'invalid' })
  }
  t.throws(() => jsonCheck({ $ref: 'http://example.org/remote' }), { code: 'invalid_json_schema' })
  const filled = jsonCheck({ type: 'object', properties: { a: { default: 1 } }, required: ['a'] })
  t.match(filled(stop('{}')), { reason: 'invalid' }, 'a default fills nothing in')
  t.end()
})

t.test('schemas do not know of each other', (t) => {
  const named = (type: string) => ({ definitions: { one: { $id: '#one', type } }, $ref: '#one' })
  t.equal(jsonCheck(named('string'))(stop('"a"')), null)
  t.match(jsonCheck(named('integer'))(stop('"a"')), { reason: 'invalid' })
  t.equal(jsonCheck(named('string'))(stop('"a"')), null)
  t.end()
})

t.test('names that mean something to JavaScript mean nothing in a schema', (t) => {
  const text =
    '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"integer"}},"required":["__proto__"]}'
  const check = jsonCheck(JSON.parse(text))
  t.equal(check(stop('{"__proto__":"a","constructor":1}')), null)
  // Ajv passes over a property of this name; that it must be there is seen.
  t.equal(check(stop('{"__proto__":1}')), null)
  t.match(check(stop('{}')), { reason: 'invalid' })
  const code = '\u0000";process.exit(3);//`+process.exit(3)+`\n\u2028'
  const odd = jsonCheck({ type: 'object', properties: { [code]: { enum: [code] } }, required: [code] })
  t.equal(odd(stop(JSON.stringify({ [code]: code }))), null)
  t.match(odd(stop('{}')), { reason: 'invalid' })
  t.end()
})

t.test('a schema that is nested beyond all measure is refused', (t) => {
  let nested: object = { type: 'string' }
  for (let level = 0; level < 3000; level += 1) nested = { not: nested }
  t.throws(() => jsonCheck({ ...nested }), { code: 'invalid_json_schema' }, 'too deep to compile')
  t.end()
})

t.test('a schema is compiled once, and not for ever kept', (t) => {
  const kept = compiledSchema({ type: 'integer', minimum: 1 })
  t.equal(compiledSchema({ type: 'integer', minimum: 1 }), kept)
  for (let minimum = 2; minimum < 100; minimum += 1) compiledSchema({ type: 'integer', minimum })
  t.not(compiledSchema({ type: 'integer', minimum: 1 }), kept)
  t.end()
})

t.test('each pattern of a schema is its own', (t) => {
  const check = jsonCheck({ properties: { count: { pattern: '^[0-9]+$' }, name: { pattern: '^[a-z]+$' } } })
  t.equal(check(stop('{"count":"1","name":"x"}')), null)
  t.match(check(stop('{"count":"1","name":"7"}')), { message: /^\/name must match pattern/ })
  t.end()
})

t.test('a reference to a group is refused, not read as a letter', (t) => {
  for (const pattern of ['^(?<q>[ab])\\k<q>$', '^(a)\\1$', '^(a)(b)(c)(d)(e)(f)(g)(h)\\8$'])
    t.throws(() => jsonCheck({ pattern }), { code: 'invalid_json_schema' }, pattern)
  t.end()
})

t.test('names that every object knows are names like others', (t) => {
  for (const name of ['constructor', 'toString', 'valueOf']) {
    const check = jsonCheck({ properties: { [name]: { type: 'string' } }, required: [name] })
    t.match(check(stop('{}')), { message: /must have required property/ }, name)
    t.equal(jsonCheck({ properties: { [name]: { type: 'string' } } })(stop('{}')), null, name)
  }
  t.end()
})
