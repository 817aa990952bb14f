/** JSON that is what it says, and JSON that is made to cost. */
import fc from 'fast-check'
import t from 'tap'
import { mostBytesOutside, mostLevels, mostMarks, parseBody, parseJson } from '../../src/http/json.ts'
import { longText } from '../../src/http/long-texts.ts'
import { testApp } from '../support/app.ts'

const refusal = (text: string | Buffer): unknown => {
  try {
    return parseJson(Buffer.from(text))
  } catch (error) {
    return error
  }
}

t.test('every JSON value is what it was', (t) => {
  const spaced = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'))
  fc.assert(
    fc.property(spaced, ([value, indent]) => {
      const text = JSON.stringify(value, undefined, indent)
      t.strictSame(parseJson(Buffer.from(text)), JSON.parse(text))
    }),
  )
  for (const text of ['"\\\\"', '"\\""', '"\\\\\\""', '["\\\\","\\\\\\\\"]', '{"a\\"[":"]\\\\"}'])
    t.strictSame(parseJson(Buffer.from(text)), JSON.parse(text), text)
  t.end()
})

t.test('what is no JSON is told so, in whatever it is wrong', (t) => {
  t.match(refusal(''), { code: 'missing_body' })
  for (const text of [
    ' ',
    '{',
    '"',
    '"\\',
    '"\\"',
    '[1,]',
    ']]',
    '{"a":1}}',
    'nul',
    '"a" "b"',
    "'a'",
    '\u0000',
  ])
    t.match(refusal(text), { code: 'invalid_json' }, JSON.stringify(text))
  t.end()
})

t.test('a text may be as long as it likes', (t) => {
  const picture = 'iVBORw0KGgo+/'.repeat(1_000_000)
  t.same(parseJson(Buffer.from(JSON.stringify({ picture, more: 1 }))), { picture, more: 1 })
  const lines = `${'A'.repeat(76)}\\n`.repeat(100_000)
  t.equal((parseJson(Buffer.from(`"${lines}"`)) as string).length, 7_700_000, 'with line breaks')
  t.end()
})

t.test('long texts are read like short ones, and fail like them', async (t) => {
  const spaced = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'))
  await fc.assert(
    fc.asyncProperty(spaced, fc.integer({ min: 0, max: 9 }), async ([value, indent], longBytes) => {
      const text = JSON.stringify(value, undefined, indent)
      t.strictSame(await parseBody(Buffer.from(text), longBytes), JSON.parse(text))
    }),
  )
  const long = 'A'.repeat(longText)
  for (const text of [
    `{"image":"${long}","more":["${long}B"," ${long}"]}`,
    `{"${long}":"${long}","${long}2" : 1}`,
    `["${long}\\n","\\"${long}","${long}\\\\","${long}\\/","\\u00e9${long}"]`,
    `["${long}é","${long}\u007f","${long}🦙"]`,
    `"${long}"`,
  ])
    t.strictSame(await parseBody(Buffer.from(text)), JSON.parse(text), text.replaceAll(long, '…'))
  for (const text of [
    `["${long}\n"]`,
    `["${long}\t","${long}"]`,
    `["${long}\u0000"]`,
    `["${long}`,
    `"${long}"}`,
    `"a" "${long}"`,
  ])
    await t.rejects(parseBody(Buffer.from(text)), { code: 'invalid_json' }, text.replaceAll(long, '…'))
  await t.rejects(parseBody(Buffer.from('')), { code: 'missing_body' })
})

t.test('levels, values and bytes around texts are counted before they are parsed', (t) => {
  const large = 19 * 1024 ** 2
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const costly: [name: string, text: string, feature: string, limit: number][] = [
    ['lists in lists', '['.repeat(large), 'levels', mostLevels],
    ['objects in objects', '{"a":'.repeat(large / 5), 'levels', mostLevels],
    ['one level too many', nested(mostLevels + 1), 'levels', mostLevels],
    ['empty texts', `["",${'"",'.repeat(large / 3)}""]`, 'texts and commas', mostMarks],
    ['numbers', `[${'1,'.repeat(large / 2)}1]`, 'texts and commas', mostMarks],
    ['keys', `{${'"a":1,'.repeat(large / 6)}"a":1}`, 'texts and commas', mostMarks],
    ['quotes in a text', `"${'\\"'.repeat(large / 2)}"`, 'texts and commas', mostMarks],
    ['texts in a row', '""'.repeat(large / 2), 'texts and commas', mostMarks],
    ['spaces', `${' '.repeat(large)}{}`, 'bytes outside of texts', mostBytesOutside],
    ['digits', '1'.repeat(large), 'bytes outside of texts', mostBytesOutside],
    ['backslashes', `"${'\\'.repeat(large)}"`, 'bytes outside of texts', mostBytesOutside],
    ['garbage', 'x'.repeat(large), 'bytes outside of texts', mostBytesOutside],
  ]
  for (const [name, text, feature, limit] of costly)
    t.match(refusal(text), { code: 'json_too_complex', facts: { feature, limit } }, name)
  t.same(parseJson(Buffer.from(nested(mostLevels))), JSON.parse(nested(mostLevels)))
  t.equal((parseJson(Buffer.from(`[${'1,'.repeat(mostMarks)}1]`)) as unknown[]).length, mostMarks + 1)
  t.end()
})

t.test('every way in to JSON is guarded', async (t) => {
  const app = await testApp(t)
  const deep = '['.repeat(1000)
  const form = `--X\r\nContent-Disposition: form-data; name="stop"\r\nContent-Type: application/json\r\n\r\n${deep}\r\n--X--\r\n`
  const schema = `--X\r\nContent-Disposition: form-data; name="json_schema"\r\n\r\n${deep}\r\n--X--\r\n`
  const ways: [url: string, type: string, payload: string][] = [
    ['/infer', 'application/json', deep],
    ['/v1/chat/completions', 'application/json; charset=utf-8', deep],
    ['/api/chat', 'application/json', deep],
    ['/api/generate', 'application/x-www-form-urlencoded', deep],
    ['/api/show', 'application/json', deep],
    ['/infer', 'multipart/form-data; boundary=X', form],
    ['/infer', 'multipart/form-data; boundary=X', schema],
    [`/infer?prompt=a&json_schema=${deep}`, 'image/png', 'a picture'],
  ]
  for (const [url, type, payload] of ways) {
    const response = await app.inject({ method: 'POST', url, payload, headers: { 'content-type': type } })
    t.equal(response.statusCode, 400, `${url.slice(0, 20)} ${type}`)
    t.match(response.body, /has too many levels; at most 100/)
  }
})
