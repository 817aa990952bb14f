/**
 * Whether answers follow the schemas of strangers, found out beside the event loop: in one process, which may have so much
 * memory, and so much time by the kernel's own account, since on a busy machine a clock says little about who caused
 * what. A question that takes more ends the process; the next one gets another. A thread would not do: one that runs out
 * of memory may take the whole service along.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { packageRoot } from '../config.ts'
import { failure } from '../errors.ts'
import type { Answer, JsonFault, JsonSchema } from './question.ts'
import type { SchemaQuestion, Verdict } from './schema-process.ts'

/** Room for any sensible schema; compiling takes time by its length. */
const mostCharacters = 65_536
/** Of computing, for one schema and one answer. */
const workMs = 1000
/** Of waiting for the machine to compute that long. */
const patienceMs = 30_000
const watchMs = 25
/** The kernel counts in hundredths of a second. */
const tickMs = 10

/** After so much work a process makes room for another, well before the kernel ends it. */
const retireMs = 30_000
const confine = 'ulimit -c 0; ulimit -t 60; echo 1000 >/proc/self/oom_score_adj; exec "$@"'
const flags = ['--max-old-space-size=128', '--max-semi-space-size=4', '--v8-pool-size=1']
/** As the set-up compiles it, so that it starts without what reads the source elsewhere. */
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

/** Whoever asks has been let in before, which bounds how many do. */
export function createJsonChecker(): JsonChecker {
  const line = new PQueue({ concurrency: 1 })
  let child: ChildProcess | undefined

  const end = () => {
    child?.kill('SIGKILL')
    child = undefined
  }

  async function answer(question: SchemaQuestion): Promise<Verdict | 'too much'> {
    if (child && (child.exitCode !== null || child.signalCode !== null || workedMs(child) > retireMs)) end()
    child ??= await started()
    try {
      return await answered(child, question)
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
async function started(): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', confine, 'sh', process.execPath, ...flags, program], {
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      // More than one may come, and later ones tell nothing that its end does not.
      child.on('error', reject)
      child.once('exit', () => reject(new Error('The process for schemas ended before it began')))
    })
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return child
}

/** Rejects with `TooMuch`, which leaves a process that is of no more use. */
async function answered(child: ChildProcess, question: SchemaQuestion): Promise<Verdict> {
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
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, '').trim().split(' ')
    const [user, system] = [Number(fields[11]), Number(fields[12])]
    return (user + system) * tickMs
  } catch {
    return 0
  }
}
