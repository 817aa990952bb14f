/** What the documentation says of settings, limits and errors is what the source says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pages } from '../../scripts/write-docs.ts'
import { packageRoot, settings } from '../../src/config.ts'
import { failures } from '../../src/errors.ts'

t.test('the pages are what the source says', (t) => {
  for (const { path, text } of pages())
    t.equal(readFileSync(join(packageRoot, path), 'utf8'), text, `${path}: run npm run docs`)
  t.end()
})

t.test('every limit has a failure, and every failure that names a limit has a setting', (t) => {
  const answers = Object.values(settings.properties).flatMap(({ answers }) => answers ?? [])
  for (const code of answers) t.ok(code in failures, code)
  /** What no setting changes. */
  const fixed = [
    'bodies_full',
    'headers_too_large',
    'image_too_narrow',
    'json_too_complex',
    'request_timeout',
  ]
  const named = Object.entries(failures).filter(([, { sentence }]) => sentence.includes('{limit}'))
  for (const [code] of named) t.ok(answers.includes(code) !== fixed.includes(code), code)
  const limits = Object.keys(settings.properties).filter((name) =>
    /^MAX_|_(LIMIT|TIMEOUT|GRACE)$|^QUEUE_SIZE$|^CONTEXT_SIZE$/.test(name),
  )
  for (const name of limits)
    t.ok(settings.properties[name as keyof typeof settings.properties].answers, `${name} names its failure`)
  t.end()
})
