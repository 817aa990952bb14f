/**
 * Whether answers follow the schemas of strangers, found out beside the event loop: in one process, which may have so much
 * memory, and so much time by the kernel's own account, since on a busy machine a clock says little about who caused
 * what. A question that takes more ends the process; the next one gets another. A thread would not do: one that runs out
 * of memory may take the whole service along.
 */
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { startBounded } from '../bounded-process.ts'
import { packageRoot } from '../config.ts'
import { cpuMsIn } from '../engine/pulse.ts'
import { failure } from '../errors.ts'
import type { Answer, JsonFault, JsonSchema } from './question.ts'
import type { SchemaQuestion, Verdict } from './schema-process.ts'

/** Room for any sensible schema; compiling takes time by its length. */
const mostCharacters = 65_536
/** Of computing, for one schema and one answer. */
const workMs = 1000
/** Of waiting for the machine to compute that long, or to start a process. */
const usualPatienceMs = 30_000
const watchMs = 25

/** After so much work a process makes room for another, well before the kernel ends it. */
const retireMs = 30_000
const bounds = { cpuSeconds: 60, heapMib: 128, youngHeapMib: 4 }
const program = join(packageRoot, 'dist/inference/schema-process.js')

export type JsonChecker = {
  /** Throws `invalid_json_schema` for what is too long to be looked at. */
  requireShort(schema: JsonSchema): void
  /** Rejects with `invalid_json_schema` for a schema that no answer can be held to here. */
  requireUsable(schema: JsonSchema, signal: AbortSignal): Promise<void>
  faultOf(
    answer: Pick<Answer, 'text' | 'finishReason'>,
    schema: JsonSchema,
    signal: AbortSignal,
  ): Promise<JsonFault | null>
}

/** Whoever asks has been let in before, which bounds how many do. Only tests have less patience. */
export function createJsonChecker(patienceMs = usualPatienceMs): JsonChecker {
  const line = new PQueue({ concurrency: 1 })
  let child: ChildProcess | undefined

  const end = () => {
    child?.kill('SIGKILL')
    child = undefined
  }

  async function answer(question: SchemaQuestion): Promise<Verdict | 'too much'> {
    if (child && (child.exitCode !== null || child.signalCode !== null || workedMs(child) > retireMs)) end()
    child ??= await started(patienceMs)
    try {
      return await answered(child, question, patienceMs)
    } catch (error) {
      end()
      if (error instanceof TooMuch) return 'too much'
      throw error
    }
  }

  /**
   * Who leaves is not waited for. A question that is worked on is not broken off for it: it ends by itself, and sooner
   * than another process would begin.
   */
  async function ask(question: SchemaQuestion, signal: AbortSignal): Promise<Verdict | 'too much'> {
    signal.throwIfAborted()
    const waiting = new AbortController()
    let begun = false
    const begin = () => {
      begun = true
      return answer(question)
    }
    const verdict = line.add(begin, { signal: waiting.signal })
    return await new Promise((resolve, reject) => {
      const leave = () => {
        if (!begun) waiting.abort(signal.reason)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      verdict.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    })
  }

  return {
    requireShort(schema) {
      textOf(schema)
    },
    async requireUsable(schema, signal) {
      const verdict = await ask({ schema: textOf(schema) }, signal)
      if (verdict === 'too much') throw refuse('it is too complicated')
      if (verdict.type === 'refused') throw refuse(verdict.reason)
    },
    async faultOf(answer, schema, signal) {
      const verdict = await ask({ schema: textOf(schema), answer }, signal)
      if (verdict !== 'too much' && verdict.type === 'checked') return verdict.fault
      const message = 'The check of the answer took too long: its schema has too many ways to be followed'
      return { reason: 'invalid', message }
    },
  }
}

const refuse = (reason: string) => failure('invalid_json_schema', { field: 'json_schema', reason })

function textOf(schema: JsonSchema): string {
  let text: string
  try {
    text = JSON.stringify(schema)
  } catch {
    throw refuse('it is nested too deeply')
  }
  if (text.length > mostCharacters) throw refuse(`at most ${mostCharacters} characters are accepted`)
  return text
}

/** Of a question, which took more time or memory than there is for one. */
class TooMuch extends Error {}

/** A process that is ready. */
async function started(patienceMs: number): Promise<ChildProcess> {
  const child = startBounded(program, bounds, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  let timer: NodeJS.Timeout | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      // More than one may come, and later ones tell nothing that its end does not.
      child.on('error', reject)
      child.once('exit', () => reject(new Error('The process for schemas ended before it began')))
      timer = setTimeout(() => reject(new Error('The process for schemas does not begin')), patienceMs)
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
  return child
}

/** Rejects with `TooMuch`, which leaves a process that is of no more use. */
async function answered(child: ChildProcess, question: SchemaQuestion, patienceMs: number): Promise<Verdict> {
  const workBefore = workedMs(child)
  const began = performance.now()
  let clear = () => {}
  try {
    return await new Promise<Verdict>((resolve, reject) => {
      const onVerdict = (verdict: unknown) => resolve(verdict as Verdict)
      const tooMuch = () => reject(new TooMuch())
      const watch = setInterval(() => {
        if (workedMs(child) - workBefore > workMs || performance.now() - began > patienceMs) tooMuch()
      }, watchMs)
      child.once('message', onVerdict).once('exit', tooMuch)
      child.ref()
      child.channel?.ref()
      clear = () => {
        clearInterval(watch)
        child.off('message', onVerdict).off('exit', tooMuch)
        // Nothing is under way in it that ours would have to wait for.
        child.unref()
        child.channel?.unref()
      }
      child.send(question)
    })
  } finally {
    clear()
  }
}

/** Time that a process has computed; none where the kernel does not tell. */
function workedMs({ pid }: ChildProcess): number {
  try {
    return cpuMsIn(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return 0
  }
}
