/**
 * The engine's private folder (mode 0700) in the system's temporary one. A small process outlives the service, if only to
 * remove it. Where that was killed as well, the next service clears up: the folder's name tells who made it, by process id
 * and by the namespace in which that id means something, since containers may share the temporary folder.
 */
import { spawn } from 'node:child_process'
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

/** Waits for the end of its input, which is ours, and is deaf to what ends us in order: then it has nothing to do. */
const keeperScript = 'trap "" HUP INT QUIT TERM; read -r _; rm -rf -- "$1"'

/** Runs something with a folder of its own, which is gone afterwards, even when this process is killed meanwhile. */
export async function withEngineFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await makeEngineFolder()
  const dismissKeeper = keep(folder)
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
    dismissKeeper()
  }
}

function keep(folder: string): () => void {
  const keeper = spawn('/bin/sh', ['-c', keeperScript, 'sh', folder], {
    // A session of its own: what ends all of ours at once leaves it.
    detached: true,
    cwd: '/',
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // A system without a shell does without, and one without descriptors has not even this input.
  keeper.on('error', () => {})
  keeper.stdin?.on('error', () => {})
  keeper.unref()
  return () => void keeper.kill('SIGKILL')
}

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
    // An id may be somebody else's by now, so whoever seems alive is looked at as well.
    const isDead = owner.namespace === own && !isAlive(Number(owner.pid))
    const isOver = isDead || (await isDeserted(path))
    // Another user's cannot be removed, and need not be.
    if (isOver) await rm(path, { recursive: true }).catch(() => {})
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

/** Nobody listens there, and that is not because it is about to. */
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
