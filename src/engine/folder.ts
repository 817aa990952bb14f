/**
 * The engine's private folder (mode 0700) in the system's temporary one. Its name holds our process id: what a service
 * left behind that was killed is known by it and cleared away by the next.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'llama-vision-'
/** A socket's path has room for 107 bytes, of which the names below the temporary folder take about 40. */
const longestParent = 60

export async function makeEngineFolder(parent = tmpdir()): Promise<string> {
  const place = Buffer.byteLength(parent) <= longestParent ? parent : '/tmp'
  await clearLeftovers(place)
  return mkdtemp(join(place, `${prefix}${process.pid}-`))
}

async function clearLeftovers(place: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1]
    // Another user's cannot be removed, and need not be.
    if (owner && !isAlive(Number(owner)))
      await rm(join(place, name), { recursive: true, force: true }).catch(() => {})
  }
}

/** Whether a process of this machine has this id. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
