/** A folder's captions, asked from a service that answers as told. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readAnswerSchema } from '../../../src/cli/caption/answer-schema.ts'
import { type CaptionOptions, caption } from '../../../src/cli/caption/caption.ts'
import { until } from '../../support/until.ts'

const answer = {
  response_text: 'a star',
  model: 'm',
  timestamp: '2026-01-01T00:00:00.000Z',
  metadata: {
    finish_reason: 'stop',
    image: { width: 1, height: 2 },
    images: [{ tiles: null }],
    timings_ms: { total: 500, queue: 100 },
  },
}
const answered = (response: ServerResponse) =>
  response.end(`event: done\ndata: ${JSON.stringify(answer)}\n\n`)

/** A folder of three pictures, a service, and a run that asks it for one picture after the other. */
async function around(t: Test, respond: (response: ServerResponse) => void = answered) {
  let asked = 0
  const server = createServer((request, response) => {
    if (request.url === '/health') return response.end('{"engine":{}}')
    asked += 1
    response.setHeader('content-type', 'text/event-stream')
    request.resume().once('end', () => respond(response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const folder = t.testdir({})
  const photos = join(folder, 'photos')
  mkdirSync(photos)
  for (const name of ['a.png', 'b.png', 'c.png']) writeFileSync(join(photos, name), `picture ${name}`)
  const run = (out: string, more: Partial<CaptionOptions> = {}) =>
    caption({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      key: undefined,
      env: {},
      fields: {},
      signal: new AbortController().signal,
      folder: photos,
      prompt: 'What is it?',
      schema: undefined,
      xmp: false,
      out,
      parallel: undefined,
      patienceSeconds: 60,
      watchSeconds: undefined,
      progress: () => {},
      note: () => {},
      ...more,
    })
  return { folder, photos, run, asked: () => asked }
}

t.test('each picture gets its caption once', async (t) => {
  const { folder, run, asked } = await around(t)
  const out = join(folder, 'captions.jsonl')
  t.same(await run(out), { captioned: 3, before: 0, failures: [], skipped: [], keptSidecars: [] })
  t.same(await run(out), { captioned: 0, before: 3, failures: [], skipped: [], keptSidecars: [] })
  t.equal(asked(), 3)
  t.notOk(existsSync(`${out}.lock`))
  const paths = readFileSync(out, 'utf8').trim().split('\n')
  t.same(
    paths.map((line) => JSON.parse(line).path),
    ['a.png', 'b.png', 'c.png'],
  )
})

t.test('another question is asked of all of them anew', async (t) => {
  for (const name of ['captions.jsonl', 'captions.csv']) {
    const { folder, run } = await around(t)
    const out = join(folder, name)
    await run(out)
    t.match(await run(out, { prompt: 'Is it red,\n"or" not?' }), { captioned: 3, before: 0 })
    t.match(await run(out, { prompt: 'Is it red,\n"or" not?' }), { captioned: 0, before: 3 })
    t.match(await run(out), { captioned: 0, before: 3 })
    t.match(await run(out, { fields: { temperature: '0' } }), { captioned: 3, before: 0 })
    t.match(
      await run(out, { fields: { pdf_pages: '3' } }),
      { captioned: 0, before: 3 },
      'which these have not',
    )
  }
})

t.test('two runs do not write one file', async (t) => {
  const { folder, run } = await around(t, (response) => setTimeout(answered, 200, response))
  const out = join(folder, 'captions.jsonl')
  const first = run(out)
  await until(() => existsSync(`${out}.lock`), 'the first run')
  await t.rejects(run(out), { message: /Another run writes .*captions\.jsonl/ })
  t.match(await first, { captioned: 3 })
})

t.test('a service that goes away is waited for, and the run goes on', async (t) => {
  let times = 0
  const notes: string[] = []
  const { folder, run } = await around(t, (response) => {
    times += 1
    if (times === 2) response.destroy()
    else answered(response)
  })
  const result = await run(join(folder, 'captions.jsonl'), { note: (sentence) => notes.push(sentence) })
  t.match(result, { captioned: 3, failures: [] })
  t.match(notes, [/cannot be reached.*it is waited for/, 'the service is back'])
})

t.test('answers that follow a schema are columns, and one that does not has failed', async (t) => {
  let times = 0
  const { folder, run } = await around(t, (response) => {
    times += 1
    const valid = times !== 2
    const json = {
      valid,
      reason: valid ? null : 'truncated',
      message: valid ? null : 'The answer was cut off',
    }
    const response_text = valid ? '{"colour": "=red", "tags": ["a", "b"]}' : '{"col'
    const whole = { ...answer, response_text, metadata: { ...answer.metadata, json } }
    response.end(`event: done\ndata: ${JSON.stringify(whole)}\n\n`)
  })
  const path = join(folder, 'schema.json')
  writeFileSync(path, JSON.stringify({ properties: { colour: {}, count: {}, tags: {} } }))
  const schema = await readAnswerSchema(path)
  const out = join(folder, 'captions.csv')
  t.match(await run(out, { schema }), {
    captioned: 2,
    failures: [{ path: 'b.png', message: 'The answer was cut off' }],
  })
  const [heading = '', first = ''] = readFileSync(out, 'utf8').split('\n')
  t.match(heading, /,prompt,options,colour,count,tags$/)
  t.match(first, /,What is it\?,json_schema=[0-9a-f]{16},'=red,,"\[""a"",""b""\]"$/)
  t.match(await run(out, { schema }), { captioned: 1, before: 2, failures: [] })
  const other = { text: '{"properties":{"shape":{}}}', columns: ['shape'] }
  await t.rejects(run(out, { schema: other }), { message: /captions\.csv has no column for shape/ })
  const lines = join(folder, 'captions.jsonl')
  await run(lines, { schema })
  t.match(JSON.parse(readFileSync(lines, 'utf8').split('\n')[0] ?? ''), { answer: { colour: '=red' } })
})

t.test('a schema that says nothing of columns is told why not', async (t) => {
  const folder = t.testdir({ 'a.json': 'no', 'b.json': '[]', 'c.json': '{"type":"string"}', 'd.json': '5' })
  await t.rejects(readAnswerSchema(join(folder, 'a.json')), { message: /a\.json is no JSON/ })
  for (const name of ['b.json', 'c.json', 'd.json'])
    await t.rejects(readAnswerSchema(join(folder, name)), { message: /names no properties/ })
  await t.rejects(readAnswerSchema(join(folder, 'none.json')), { message: /none\.json cannot be read/ })
})

t.test('sidecars get the answers, and what somebody else described stays', async (t) => {
  const { folder, photos, run } = await around(t)
  const mine =
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">my own</rdf:li></rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>'
  writeFileSync(join(photos, 'b.png.xmp'), mine)
  const result = await run(join(folder, 'captions.jsonl'), { xmp: true })
  t.match(result, { captioned: 3, failures: [], keptSidecars: ['b.png'] })
  t.match(readFileSync(join(photos, 'a.png.xmp'), 'utf8'), /x-default">a star</)
  t.equal(readFileSync(join(photos, 'b.png.xmp'), 'utf8'), mine)
})

t.test('a file that is larger than any service takes fails alone, unread', async (t) => {
  const { folder, photos, run } = await around(t)
  truncateSync(join(photos, 'b.png'), 300 * 1024 ** 2)
  t.match(await run(join(folder, 'captions.jsonl')), {
    captioned: 2,
    failures: [{ path: 'b.png', message: /^it has 314572800 bytes; at most 268435456 are taken$/ }],
  })
})

t.test('captions never go where something else is, and nothing is asked for them', async (t) => {
  const { folder, photos, run, asked } = await around(t)
  const picture = join(photos, 'a.png')
  await t.rejects(run(picture), { message: /a\.png is the name of a picture; name a file for the captions/ })
  await t.rejects(run(join(photos, 'new.JPG')), { message: /new\.JPG is the name of a picture/ })
  t.equal(readFileSync(picture, 'utf8'), 'picture a.png')
  t.same(readdirSync(photos), ['a.png', 'b.png', 'c.png'])
  const notes = join(folder, 'notes.txt')
  writeFileSync(notes, 'half a note')
  await t.rejects(run(notes), { message: /notes\.txt holds what a run like this does not write/ })
  t.equal(readFileSync(notes, 'utf8'), 'half a note')
  await t.rejects(run(photos), { message: /photos cannot be written: it is a folder/ })
  t.equal(asked(), 0)
})

t.test('a run ends at the first caption that cannot be added', async (t) => {
  let out = ''
  const { folder, run, asked } = await around(t, (response) => {
    appendFileSync(out, 'a note\n')
    answered(response)
  })
  out = join(folder, 'captions.jsonl')
  await t.rejects(run(out), { message: /captions\.jsonl was changed by something else/ })
  t.equal(asked(), 1)
  t.equal(readFileSync(out, 'utf8'), 'a note\n')
})

t.test('pictures that come while it watches get their captions, until it is interrupted', async (t) => {
  const { folder, photos, run, asked } = await around(t)
  const out = join(folder, 'captions.jsonl')
  const controller = new AbortController()
  const watching = run(out, { watchSeconds: 0.02, signal: controller.signal })
  await until(() => asked() === 3, 'those that are there')
  writeFileSync(join(photos, 'd.png'), 'picture d.png')
  await until(() => asked() === 4, 'the one that came')
  await until(() => readFileSync(out, 'utf8').includes('d.png'), 'its caption')
  controller.abort(new Error('Interrupted'))
  t.match(await watching, { captioned: 4, failures: [] })
  t.match(await run(out), { captioned: 0, before: 4 })
  t.notOk(existsSync(`${out}.lock`))
})
