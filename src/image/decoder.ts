/**
 * Pictures that take much memory to decode, or whose decoders can't be interrupted: each gets a process of its own that
 * ends with it. The process may take so much memory and time and no more, is the first that the kernel ends when memory
 * runs out, and knows nothing of ours.
 */
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { startBounded } from '../bounded-process.ts'
import { packageRoot } from '../config.ts'
import { type Failure, failure } from '../errors.ts'
import { maxReplyBytes, picturesIn, type Task } from './decoder-reply.ts'
import { decoderBytes } from './memory.ts'
import type { Picture } from './picture.ts'

const limitMs = 60_000

/** One thread decodes. */
const env = { UV_THREADPOOL_SIZE: '1', MALLOC_ARENA_MAX: '1' }
const bounds = { cpuSeconds: 30, heapMib: 64, youngHeapMib: 2, ownBytes: decoderBytes }
const program = join(packageRoot, 'dist/image/decoder-process.js')

type End = { error?: unknown; exitCode?: number | null; signal?: NodeJS.Signals | null }

/** Rejects with a typed failure, or with the signal's reason. When it settles, the process is gone. */
export async function decodeInProcess(task: Task, bytes: Buffer, signal: AbortSignal): Promise<Picture[]> {
  signal.throwIfAborted()
  const child = started()
  // As they were asked for.
  const input = child.stdio[0] as Writable
  const reply = child.stdio[3] as Readable
  let late = false
  const kill = () => {
    child.kill('SIGKILL')
    // Whoever else might hold the other end: nothing more is read.
    reply.destroy()
  }
  const timer = setTimeout(() => {
    late = true
    kill()
  }, limitMs)
  signal.addEventListener('abort', kill, { once: true })
  try {
    const said = collected(reply, kill)
    // It may end before it has read all, and how it ended tells more than that.
    input.on('error', () => {})
    input.write(`${JSON.stringify(task)}\n`)
    input.end(bytes)
    const end = await endOf(child)
    signal.throwIfAborted()
    const pictures = await picturesIn(Buffer.concat(said), task, bytes)
    if (pictures) return pictures
    throw failureOf(end, late, task)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
  }
}

function started(): ChildProcess {
  try {
    return startBounded(program, bounds, { env, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
  } catch (error) {
    throw failure('internal_error', {}, { cause: error })
  }
}

/** Fills up as the reply comes in. */
function collected(reply: Readable, tooMuch: () => void): Buffer[] {
  const parts: Buffer[] = []
  let bytes = 0
  reply.on('error', () => {})
  reply.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > maxReplyBytes) tooMuch()
    else parts.push(part)
  })
  return parts
}

/** More than one event may come: a process that can't be started can't be sent anything either. */
const endOf = (child: ChildProcess): Promise<End> =>
  new Promise((resolve) => {
    child.on('error', (error) => resolve({ error }))
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
  })

/** Of a process that ended without a word. */
function failureOf({ error, exitCode, signal }: End, late: boolean, { format }: Task): Failure {
  if (late) return failure('image_too_costly', { format }, { cause: 'it took too long' })
  if (signal) return failure('image_too_costly', { format }, { cause: `its decoder ended with ${signal}` })
  // What the shell says of a program that it can't run.
  const neverRan = exitCode === 126 || exitCode === 127
  if (error || neverRan)
    return failure('internal_error', {}, { cause: error ?? `a decoder ended with ${exitCode}` })
  return failure('corrupt_image', { format }, { cause: `its decoder ended with ${exitCode}` })
}
