/** SECURITY.md names what shows that each defence works: it must be there. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../src/config.ts'

const rows = readFileSync(join(packageRoot, 'SECURITY.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| against'))

t.test('each defence is shown by something that is there', (t) => {
  t.ok(rows.length > 10)
  for (const row of rows) {
    const [, against, , shown = ''] = row.split('|')
    const names = [...shown.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
    t.ok(names.length > 0, `${against} is shown`)
    for (const name of names) t.ok(existsSync(join(packageRoot, name)), name)
  }
  t.end()
})
