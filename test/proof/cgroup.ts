/** A cgroup with a limit of memory, where this process may make one. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const mebibyte = 1024 ** 2

export type MemoryCgroup = {
  folder: string
  /** Processes in it that the kernel has ended for want of memory, so far. */
  killed(): number
  /** The most that it ever had, in MiB. */
  peakMib(): number
}

type Files = { limit: string; noSwap: string; kills: string; peak: string }

const version1: Files = {
  limit: 'memory.limit_in_bytes',
  noSwap: 'memory.swappiness',
  kills: 'memory.oom_control',
  peak: 'memory.max_usage_in_bytes',
}
const version2: Files = {
  limit: 'memory.max',
  noSwap: 'memory.swap.max',
  kills: 'memory.events',
  peak: 'memory.peak',
}

/** Below the one of this process. Rejects where none can be made. */
export async function withMemory<Result>(
  limitMib: number,
  use: (cgroup: MemoryCgroup) => Promise<Result>,
): Promise<Result> {
  const { root, files } = hierarchy()
  const folder = join(root, `proof-${process.pid}-${limitMib}`)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  mkdirSync(folder)
  try {
    writeFileSync(join(folder, files.limit), String(limitMib * mebibyte))
    writeFileSync(join(folder, files.noSwap), '0')
    return await use({
      folder,
      killed: () => Number(/^oom_kill (\d+)/m.exec(read(files.kills))?.[1]),
      peakMib: () => Number(read(files.peak)) / mebibyte,
    })
  } finally {
    rmdirSync(folder)
  }
}

/** Where this process is in the tree that bounds memory. */
function hierarchy(): { root: string; files: Files } {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').split('\n')
  const path = (start: RegExp) => lines.find((line) => start.test(line))?.replace(start, '')
  const first = path(/^\d+:memory:/)
  if (first !== undefined) return { root: join('/sys/fs/cgroup/memory', first), files: version1 }
  const root = join('/sys/fs/cgroup', path(/^0::/) ?? '')
  if (existsSync(join(root, 'memory.max'))) return { root, files: version2 }
  throw new Error('there is no cgroup of memory here')
}
