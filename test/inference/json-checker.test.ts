import t from 'tap'
import { createJsonChecker } from '../../src/inference/json-checker.ts'
import type { JsonSchema } from '../../src/inference/question.ts'
import { childrenOf } from '../support/children.ts'
import { until } from '../support/until.ts'

const stop = (text: string) => ({ text, finishReason: 'stop' as const })
const never = new AbortController().signal

/** Each level looks twice at the one below: a grammar does not, but a check would take for ever. */
function doubling(levels: number): JsonSchema {
  const definitions: Record<string, object> = { level0: { type: 'string' } }
  for (let level = 1; level <= levels; level += 1) {
    const below = { $ref: `#/definitions/level${level - 1}` }
    definitions[`level${level}`] = { not: { not: below }, ...below }
  }
  return { $ref: `#/definitions/level${levels}`, definitions }
}

t.test('an answer is held to a schema, once that can be used', async (t) => {
  const { requireUsable, faultOf } = createJsonChecker()
  const schema = { type: 'object', required: ['name'] }
  await requireUsable(schema, never)
  t.equal(await faultOf(stop('{"name":1}'), schema, never), null)
  t.match(await faultOf(stop('{}'), schema, never), {
    reason: 'invalid',
    message: /required property 'name'/,
  })
  t.match(await faultOf({ text: '{"na', finishReason: 'length' }, schema, never), { reason: 'truncated' })
  await t.rejects(requireUsable({ type: 'nonsense' }, never), {
    code: 'invalid_json_schema',
    facts: { field: 'json_schema' },
  })
})

t.test('what is too long or too deep is refused before it is looked at', (t) => {
  const { requireShort } = createJsonChecker()
  t.doesNotThrow(() => requireShort({ const: 'a'.repeat(65_000) }))
  t.throws(() => requireShort({ const: 'a'.repeat(70_000) }), {
    code: 'invalid_json_schema',
    message: /at most 65536 characters/,
  })
  let deep: object = { type: 'string' }
  for (let level = 0; level < 100_000; level += 1) deep = { not: deep }
  t.throws(() => requireShort({ ...deep }), { code: 'invalid_json_schema', message: /nested too deeply/ })
  t.end()
})

t.test('a check without end is ended, beside the event loop, and the next is made as ever', async (t) => {
  const { faultOf } = createJsonChecker()
  let turns = 0
  let over = false
  const count = () => {
    turns += 1
    if (!over) setImmediate(count)
  }
  count()
  const fault = await faultOf(stop('"text"'), doubling(60), never)
  over = true
  t.match(fault, { reason: 'invalid', message: /took too long/ })
  t.ok(turns > 100, `${turns} turns of the event loop meanwhile`)
  t.equal(await faultOf(stop('"text"'), doubling(3), never), null)
})

t.test('who leaves is not waited for, in front of the process or in it', async (t) => {
  const { faultOf } = createJsonChecker()
  await faultOf(stop('1'), {}, never)
  const first = new AbortController()
  const second = new AbortController()
  const running = faultOf(stop('"text"'), doubling(60), first.signal)
  const waiting = faultOf(stop('1'), {}, second.signal)
  const third = faultOf(stop('2'), {}, never)
  second.abort(new Error('the second left'))
  await t.rejects(waiting, { message: 'the second left' })
  first.abort(new Error('the first left'))
  await t.rejects(running, { message: 'the first left' })
  t.equal(await third, null)
})

t.test('a process that does not begin is not waited for without end', async (t) => {
  const { requireUsable } = createJsonChecker(1000)
  const before = childrenOf('self')
  const asked = requireUsable({}, never).catch((error: Error) => error)
  await until(() => childrenOf('self').length > before.length, 'the process')
  const [started] = childrenOf('self').filter((pid) => !before.includes(pid))
  process.kill(Number(started), 'SIGSTOP')
  t.match(await asked, { message: /does not begin/ })
  await until(() => !childrenOf('self').includes(started ?? ''), 'its end')
})

t.test('many who leave while they are looked at cost no process each', async (t) => {
  const { requireUsable } = createJsonChecker()
  await requireUsable({}, never)
  const before = childrenOf('self')
  for (let place = 0; place < 20; place += 1) {
    const caller = new AbortController()
    const asked = requireUsable({ const: place }, caller.signal)
    setImmediate(() => caller.abort(new Error('left')))
    await asked.catch(() => {})
  }
  await requireUsable({ const: 'last' }, never)
  t.same(childrenOf('self'), before)
})

t.test('a process that ran out of memory is replaced', async (t) => {
  const { faultOf } = createJsonChecker()
  // Longer than an answer can be, but shorter ways to fill it are what the bounds of schemas are for.
  const text = `[${'[],'.repeat(4_000_000)}[]]`
  t.match(await faultOf(stop(text), {}, never), { reason: 'invalid', message: /took too long/ })
  t.equal(await faultOf(stop('1'), {}, never), null)
})
