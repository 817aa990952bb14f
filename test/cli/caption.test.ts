/** A folder's captions, asked from a service that answers as told. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type CaptionOptions, caption } from '../../src/cli/caption.ts'

const answer = {
  response_text: 'a star',
  model: 'm',
  timestamp: '2026-01-01T00:00:00.000Z',
  metadata: { finish_reason: 'stop', image: { width: 1, height: 2 }, timings_ms: { total: 500 } },
}
const answered = (response: ServerResponse) =>
  response.end(`event: done\ndata: ${JSON.stringify(answer)}\n\n`)

/** A folder of three pictures, a service, and a run that asks it for one picture after the other. */
async function around(t: Test, respond: (response: ServerResponse) => void = answered) {
  let asked = 0
  const server = createServer((request, response) => {
    asked += 1
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
      out,
      parallel: undefined,
      progress: () => {},
      note: () => {},
      ...more,
    })
  return { folder, photos, run, asked: () => asked }
}

t.test('each picture gets its caption once', async (t) => {
  const { folder, run, asked } = await around(t)
  const out = join(folder, 'captions.jsonl')
  t.same(await run(out), { captioned: 3, before: 0, failures: [] })
  t.same(await run(out), { captioned: 0, before: 3, failures: [] })
  t.equal(asked(), 3)
  const paths = readFileSync(out, 'utf8').trim().split('\n')
  t.same(
    paths.map((line) => JSON.parse(line).path),
    ['a.png', 'b.png', 'c.png'],
  )
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
  await t.rejects(run(notes), { message: /notes\.txt holds what this command did not write/ })
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
