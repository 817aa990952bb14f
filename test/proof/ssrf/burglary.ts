/** Starts a program that tries every way out, as the engine is started, and once free, to know that there are ways. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../../src/config.ts'
import { startEngine } from '../../../src/engine/child.ts'
import { type Canaries, canaries } from '../../support/canaries.ts'

/** Ways to somebody else. The rest of what it tries is about files of its own. */
const waysOut = [
  ...[
    'tcp4',
    'tcp6',
    'udp',
    'netlink',
    'listen-tcp',
    'socket-of-i386',
    'socket-of-x32',
    'io_uring',
    'inherited',
  ],
  ...['unix', 'unix-abstract', 'unix-sendto', 'unix-sendmsg', 'unix-sendmmsg'],
]

export type Burglary = {
  tried: number
  /** Names of the ways that were open to it. */
  open: string[]
  /** Calls that somebody heard. */
  heard: number
}

/** `folder`: one's own, and short. */
export async function burglaries(folder: string): Promise<{ free: Burglary; confined: Burglary }> {
  const burglar = join(folder, 'burglar')
  const source = join(packageRoot, 'test/support/burglar.cpp')
  const { status, stderr } = spawnSync('c++', ['-std=c++17', '-O1', source, '-o', burglar], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  const ends: (() => unknown)[] = []
  try {
    const listeners = await canaries({ teardown: (end) => void ends.push(end) }, folder)
    const victim = spawn('sleep', ['600'], { stdio: 'ignore' })
    ends.push(() => victim.kill('SIGKILL'))
    const scene = (name: string) => {
      const [outside, inside] = [join(folder, name, 'outside'), join(folder, name, 'inside')]
      for (const made of [outside, inside]) mkdirSync(made, { recursive: true })
      for (const file of ['there', 'there-too']) writeFileSync(join(outside, file), 'words')
      const { port, path, abstractName } = listeners
      return { inside, words: [String(port), path, abstractName, String(victim.pid), outside, inside] }
    }
    const confined = await (async () => {
      const { inside, words } = scene('confined')
      const said: string[] = []
      await startEngine(burglar, { arguments: words, environment: {} }, inside, (line) => said.push(line))
        .ended
      return burglary(said, listeners)
    })()
    const said = spawnSync(burglar, scene('free').words, { encoding: 'utf8' }).stdout.split('\n')
    // Who was called hears of it in another turn.
    await new Promise((resolve) => setTimeout(resolve, 200))
    return { confined, free: burglary(said, listeners) }
  } finally {
    for (const end of ends) end()
  }
}

function burglary(said: readonly string[], { calls }: Canaries): Burglary {
  const outcomes = new Map(said.map((line) => line.split(' ') as [string, string]))
  const tried = waysOut.filter((way) => outcomes.has(way))
  return {
    tried: tried.length,
    open: tried.filter((way) => outcomes.get(way) === 'ok'),
    heard: Object.values(calls).reduce((sum, one) => sum + one, 0),
  }
}
