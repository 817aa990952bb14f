import t from 'tap'
import { between, judged, none, percentile, type Row } from './row.ts'
import { line, proof, rowNames } from './run.ts'

const row = (name: string, run: Row['run']): Row => ({ name, must: `${name} must`, run })

t.test('a row holds where each of its figures does, and what does not is marked', (t) => {
  const good = judged([between('p99', 31.4, 0, 50, ' ms'), none('wrong', 0)])
  t.equal(
    line(
      row('queue', async () => good),
      good,
    ),
    '| queue | queue must | p99 31 ms, wrong 0 | yes |',
  )
  const bad = judged([between('p99', 51, 0, 50, ' ms'), none('wrong', 0)])
  t.equal(
    line(
      row('queue', async () => bad),
      bad,
    ),
    '| queue | queue must | p99 51 ms (!), wrong 0 | **no** |',
  )
  t.notOk(judged([between('rate', Number.NaN, 0, 1)]).held, 'what was not measured does not hold')
  t.end()
})

t.test('rows are tried one after the other, and a broken one does not end the others', async (t) => {
  const lines: string[] = []
  let under = 0
  const alone = async () => {
    under += 1
    t.equal(under, 1)
    await new Promise((resolve) => setImmediate(resolve))
    under -= 1
    return judged([none('wrong', 0)])
  }
  const broken = async () => {
    throw new Error('no | engine')
  }
  t.equal(
    await proof([row('a', alone), row('b', broken), row('c', alone)], (text) => lines.push(text)),
    false,
  )
  t.match(lines[3], /^\| b \| b must \| not tried to the end: Error: no \\\| engine \(!\) \| \*\*no\*\* \|$/)
  t.match(lines[4], /^\| c .*\| yes \|$/)
  t.equal(await proof([row('a', alone)], () => {}), true)
})

t.test('each file in rows is a row, with a name of its own', async (t) => {
  const rows = await Promise.all(rowNames().map((name) => import(`./rows/${name}.ts`) as Promise<Row>))
  for (const { name, must, run } of rows)
    t.match([typeof name, typeof must, typeof run].join(), 'string,string,function')
  t.equal(new Set(rows.map(({ name }) => name)).size, rows.length)
})

t.test('a percentile is a value that was seen', (t) => {
  t.equal(percentile([3, 1, 2], 50), 2)
  t.equal(
    percentile(
      Array.from({ length: 100 }, (_, index) => index),
      99,
    ),
    99,
  )
  t.ok(Number.isNaN(percentile([], 99)))
  t.end()
})
