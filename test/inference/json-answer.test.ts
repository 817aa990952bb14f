import t from 'tap'
import { jsonCheck } from '../../src/inference/json-answer.ts'

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
  const huge = { enum: Array.from({ length: 20_000 }, (_, index) => `choice ${index}`) }
  t.throws(() => jsonCheck(huge), { code: 'invalid_json_schema', message: /at most 65536 characters/ })
  t.end()
})

t.test('a pattern that would never end does not stop the service', (t) => {
  const check = jsonCheck({ type: 'string', pattern: '^(a+)+$' })
  const began = performance.now()
  t.match(check(stop(JSON.stringify(`${'a'.repeat(60)}b`))), { reason: 'invalid', message: /took too long/ })
  t.ok(performance.now() - began < 5000)
  t.end()
})
