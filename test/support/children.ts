/** What the kernel says of the processes that one has started, and of the decoders among them. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Those that any thread of it has started. */
export const childrenOf = (parent: number | 'self'): string[] =>
  readdirSync(`/proc/${parent}/task`)
    .flatMap((task) => textOf(`/proc/${parent}/task/${task}/children`).split(' '))
    .filter((pid) => pid !== '')

/** A shell that is to become a decoder is none yet. */
const decodersOf = (parent: number | 'self'): string[] =>
  childrenOf(parent).filter((pid) => /^\/\S*node\0.*decoder-process/s.test(textOf(`/proc/${pid}/cmdline`)))

export type DecodersSeen = { peakMib: number; most: number; scores: Set<string> }

/** Looks at the decoders that are there while something is done: their largest memory, how many, who is ended first. */
export async function decodersDuring(
  work: Promise<unknown>,
  parent: number | 'self' = 'self',
): Promise<DecodersSeen> {
  const seen: DecodersSeen = { peakMib: 0, most: 0, scores: new Set() }
  let over = false
  const done = work.finally(() => {
    over = true
  })
  while (!over) {
    const pids = decodersOf(parent)
    seen.most = Math.max(seen.most, pids.length)
    for (const pid of pids) {
      const peak = Number(/VmHWM:\s+(\d+)/.exec(textOf(`/proc/${pid}/status`))?.[1] ?? 0) / 1024
      seen.peakMib = Math.max(seen.peakMib, peak)
      const score = textOf(`/proc/${pid}/oom_score_adj`).trim()
      if (score) seen.scores.add(score)
    }
    await sleep(20)
  }
  await done
  return seen
}
