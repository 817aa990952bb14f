import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { arrivals } from '../../../src/cli/caption/arrivals.ts'
import { until } from '../../support/until.ts'

t.test('pictures are given once they are whole, and again when they have changed', async (t) => {
  const folder = t.testdir({ 'a.jpg': 'a', 'b.jpg': 'b', 'notes.txt': 'a note' })
  const controller = new AbortController()
  const batches = arrivals(folder, { signal: controller.signal, pauseMs: 30, note: () => {} })
  const next = async () => (await batches.next()).value
  t.same(await next(), {
    pictures: ['a.jpg', 'b.jpg'],
    skipped: [{ path: 'notes.txt', reason: 'no picture' }],
  })
  const growing = join(folder, 'c.jpg')
  writeFileSync(growing, '')
  const grower = setInterval(() => appendFileSync(growing, 'more'), 5)
  let given = false
  const later = next().then((batch) => {
    given = true
    return batch
  })
  await sleep(300)
  t.notOk(given, 'while it is written')
  clearInterval(grower)
  t.match(await later, { pictures: ['c.jpg'] })
  appendFileSync(join(folder, 'a.jpg'), 'another')
  t.match(await next(), { pictures: ['a.jpg'] })
  rmSync(join(folder, 'b.jpg'))
  const last = next()
  await sleep(100)
  writeFileSync(join(folder, 'b.jpg'), 'b')
  t.match(await last, { pictures: ['b.jpg'] }, 'one that comes back')
  controller.abort()
  t.equal(await next(), undefined)
})

t.test('a folder that has gone is told once, and given what is new when it is back', async (t) => {
  const root = t.testdir({ photos: { 'a.jpg': 'a' } })
  const folder = join(root, 'photos')
  const controller = new AbortController()
  const notes: string[] = []
  const batches = arrivals(folder, {
    signal: controller.signal,
    pauseMs: 10,
    note: (sentence) => notes.push(sentence),
  })
  t.match((await batches.next()).value, { pictures: ['a.jpg'] })
  const next = batches.next()
  renameSync(folder, join(root, 'away'))
  await until(() => notes.length > 0, 'what is told')
  await sleep(100)
  mkdirSync(folder)
  writeFileSync(join(folder, 'b.jpg'), 'b')
  t.match((await next).value, { pictures: ['b.jpg'] })
  t.match(notes, [/photos cannot be read and is looked for again: ENOENT/])
  t.equal(notes.length, 1)
  controller.abort()
  t.match(await batches.next(), { done: true })
})
