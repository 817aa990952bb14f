/**
 * The engine's private folder (mode 0700) in the system's temporary one. Its name tells who made it: process id, and
 * the namespace in which that id means something, since containers may share the temporary folder. What a service left
 * behind that was killed is cleared away by the next.
 */
import { mkdtemp, readdir, readlink, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const prefix = 'llama-vision-'
const namePattern = new RegExp(`^${prefix}(?<namespace>\\w+)-(?<pid>\\d+)-`)
/** In the folder, where the engine listens. */
export const socketName = 'engine.sock'
/** A socket's path has room for 107 bytes, of which the names below the temporary folder take up to 48. */
const longestParent = 58
/** An engine listens within seconds of its folder being made. */
const youngMs = 3_600_000

/** `namespace` is that of this process's id; only tests name another. */
export async function makeEngineFolder(parent = tmpdir(), namespace?: string): Promise<string> {
  const place = Buffer.byteLength(parent) <= longestParent ? parent : '/tmp'
  const own = namespace ?? (await pidNamespace())
  await clearLeftovers(place, own)
  return mkdtemp(join(place, `${prefix}${own}-${process.pid}-`))
}

/** `pid:[4026531836]` in few characters; '0' where the system does not tell. */
async function pidNamespace(): Promise<string> {
  const link = await readlink('/proc/self/ns/pid').catch(() => '')
  return Number(/\d+/.exec(link)?.[0] ?? 0).toString(36)
}

async function clearLeftovers(place: string, own: string): Promise<void> {
  for (const name of await readdir(place).catch(() => [])) {
    const owner = namePattern.exec(name)?.groups
    if (!owner) continue
    const path = join(place, name)
    const isOver = owner.namespace === own ? !isAlive(Number(owner.pid)) : await isDeserted(path)
    // Another user's cannot be removed, and need not be.
    if (isOver) await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

/** Whether a process with this id is in our namespace. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** Of an owner who cannot be asked after: nobody listens there, and that is not because it is about to. */
async function isDeserted(path: string): Promise<boolean> {
  const made = await stat(path).catch(() => undefined)
  return (
    made !== undefined && Date.now() - made.mtimeMs > youngMs && !(await isListening(join(path, socketName)))
  )
}

const isListening = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Refused or not there is nobody; what cannot be known, for want of rights, counts as somebody.
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    )
  })
