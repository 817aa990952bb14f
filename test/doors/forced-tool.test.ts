/** Which tool an answer is a call of, if any. */
import t from 'tap'
import { forcedTool, type Tool } from '../../src/doors/forced-tool.ts'
import { refusal } from '../support/refusal.ts'

const schema = { type: 'object', properties: { colour: { type: 'string' } } }
const tool = (name: string, parameters: Tool['parameters'] = schema): Tool => ({
  name,
  parameters,
  field: `tools/${name}`,
})
const named = (name: string) => ({ name, field: 'tool_choice/name' })

t.test('a tool is called that is named, or that is the only one where one has to be', (t) => {
  const called = { name: 'b', schema, field: 'tools/b' }
  t.same(forcedTool([tool('a'), tool('b')], named('b')), { ...called, byName: true })
  t.same(forcedTool([tool('b')], 'any'), { ...called, byName: false })
  t.same(forcedTool([undefined, tool('b')], named('b')), { ...called, byName: true })
  t.end()
})

t.test('no tool is called where none may be, or where there is none', (t) => {
  t.equal(forcedTool([tool('a'), undefined], 'none'), undefined)
  t.equal(forcedTool([], 'none'), undefined)
  t.equal(forcedTool([], 'auto'), undefined)
  t.end()
})

t.test('nothing is left to the model to choose', (t) => {
  for (const [tools, choice, code, facts] of [
    [[tool('a')], 'auto', 'not_supported', { feature: 'Calling tools freely' }],
    [[undefined], 'auto', 'not_supported', { feature: 'Calling tools freely' }],
    [[tool('a'), tool('b')], 'any', 'not_supported', { feature: 'Choosing among several tools' }],
    [[undefined], 'any', 'not_supported', { feature: 'A tool that the service runs' }],
    [[], 'any', 'missing_field', { field: 'tools' }],
    [
      [tool('a')],
      named('c'),
      'unknown_choice',
      { field: 'tool_choice/name', expected: 'one of a', actual: 'c' },
    ],
    [[undefined], named('c'), 'unknown_choice', { expected: 'a function in tools' }],
  ] as const)
    t.match(
      refusal(() => forcedTool(tools, choice)),
      { code, facts },
      `${tools.length} ${code}`,
    )
  const many = Array.from({ length: 1000 }, (_, index) => tool(`${index}`.repeat(100)))
  const { message } = refusal(() => forcedTool(many, named('c'.repeat(1000))))
  t.ok(message.length < 2000, 'names are cut, and not all of them told')
  t.end()
})

t.test('the parameters are those of an object', (t) => {
  const schemaOf = (parameters: Tool['parameters']) => forcedTool([tool('a', parameters)], 'any')?.schema
  t.same(schemaOf({ $ref: '#/$defs/a' }), { type: 'object', $ref: '#/$defs/a' })
  const none = { type: 'object', properties: {}, additionalProperties: false }
  t.same(schemaOf(null), none)
  t.same(forcedTool([{ name: 'a', parameters: undefined, field: 'a' }], 'any')?.schema, none)
  t.match(
    refusal(() => schemaOf({ type: 'string' })),
    {
      code: 'invalid_json_schema',
      facts: { field: 'tools/a' },
    },
  )
  t.end()
})
