/** Whether a process works, as the kernel counts it: proof of life of one that says nothing for minutes. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What it has done since it began: milliseconds of all its threads, bytes of all that it read. */
export type Work = { cpuMs: number; bytesRead: number }

export type Pulse = () => Promise<Work | undefined>

/** Linux counts in hundredths of a second, whatever its own clock is. */
const msPerTick = 10

/** Undefined where the kernel does not tell, and once the process is gone. Only tests name another `root`. */
export const pulseOf =
  (pid: number | undefined, root = '/'): Pulse =>
  async () => {
    const read = (name: string) => readFile(join(root, `proc/${pid}/${name}`), 'utf8').catch(() => '')
    const [stat, io] = await Promise.all([read('stat'), read('io')])
    const cpuMs = cpuMsIn(stat)
    return Number.isNaN(cpuMs) ? undefined : { cpuMs, bytesRead: bytesReadOf(io) }
  }

/** Of all threads, from what `/proc/PID/stat` says; NaN for another text. */
export function cpuMsIn(stat: string): number {
  // The second field is a name in brackets that may hold anything; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * msPerTick
}

/** Through calls and through mappings; nothing where the kernel keeps that to itself. */
function bytesReadOf(io: string): number {
  const figure = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0)
  return figure('rchar') + figure('read_bytes')
}

/** Less in a second is housekeeping, such as hearing that it is asked how it is. */
const housekeeping = {
  /** Even on a machine with thirty processes that work, work is more. */
  cpuMs: 20,
  /** Any disk gives more. */
  bytesRead: 64 * 1024,
}

/** Remembers when a process last worked. Where the kernel tells nothing, it is taken to work. */
export function watchWork(pulse: Pulse) {
  let last: Work | undefined
  let looked = performance.now()
  let workedAt = looked
  return {
    /** Looks, and answers for how many milliseconds it has not worked by now. */
    async idleMs(): Promise<number> {
      const work = await pulse()
      const now = performance.now()
      const most = (perSecond: number) => (perSecond * (now - looked)) / 1000
      const worked =
        !work ||
        !last ||
        work.bytesRead - last.bytesRead > most(housekeeping.bytesRead) ||
        work.cpuMs - last.cpuMs > most(housekeeping.cpuMs)
      if (worked) workedAt = now
      last = work
      looked = now
      return now - workedAt
    },
  }
}

export type WorkWatch = ReturnType<typeof watchWork>
