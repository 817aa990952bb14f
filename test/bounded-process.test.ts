import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { type Bounds, startBounded } from '../src/bounded-process.ts'

/** What a program that was started in this way sees of itself. */
async function seen(t: Test, bounds: Bounds, env?: Record<string, string>) {
  const program = join(t.testdir(), 'program.mjs')
  writeFileSync(
    program,
    `import { readFileSync } from 'node:fs'
    const read = (name) => readFileSync('/proc/self/' + name, 'utf8')
    const { env, execArgv } = process
    const session = Number(read('stat').split(') ')[1].split(' ')[3])
    const leads = session === process.pid
    console.log(JSON.stringify({ limits: read('limits'), score: read('oom_score_adj'), env, execArgv, leads }))`,
  )
  const child = startBounded(program, bounds, { ...(env && { env }), stdio: ['ignore', 'pipe', 'inherit'] })
  const { limits, ...rest } = JSON.parse(await text(child.stdout as Readable)) as {
    limits: string
    score: string
    env: Record<string, string>
    execArgv: string[]
    leads: boolean
  }
  const limit = (name: string) => new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(limits)?.slice(1)
  return { ...rest, limit }
}

t.test('bounds hold for good, memory goes first, and nothing of ours is known', async (t) => {
  const bounds = { cpuSeconds: 7, heapMib: 64, youngHeapMib: 2, ownBytes: 300 * 1024 ** 2 }
  const { limit, score, env, execArgv } = await seen(t, bounds, { ONE: '1' })
  t.same(limit('Max cpu time'), ['7', '7'])
  t.same(limit('Max data size'), [String(bounds.ownBytes), String(bounds.ownBytes)])
  t.same(limit('Max core file size'), ['0', '0'])
  t.equal(score.trim(), '1000')
  t.equal(env.ONE, '1')
  t.notOk(env.PATH ?? env.HOME)
  t.same(execArgv, ['--max-old-space-size=64', '--max-semi-space-size=2', '--v8-pool-size=1'])
})

t.test('a Ctrl-C in the terminal does not reach it', async (t) => {
  const { leads } = await seen(t, { cpuSeconds: 7, heapMib: 64, youngHeapMib: 2 })
  t.ok(leads, 'it has a session of its own')
})

t.test('memory beside the heap is bounded only where that is asked for', async (t) => {
  const { limit, score } = await seen(t, { cpuSeconds: 7, heapMib: 64, youngHeapMib: 2 })
  t.same(limit('Max data size'), ['unlimited', 'unlimited'])
  t.equal(score.trim(), '1000')
})
