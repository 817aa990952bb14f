/** Scripts of ours that compile: they may take many minutes, and leave nothing running that nobody waits for. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { packageRoot } from '../config.ts'
import { messageOf } from '../errors.ts'
import { SetUpProblem } from './problem.ts'

/**
 * Runs a script of `scripts/` and answers what it wrote to standard output; the rest is shown. Throws a `SetUpProblem`
 * when it fails, and the signal's reason once that fires and all of the script's processes are asked to end.
 */
export async function runScript(
  name: string,
  words: string[],
  { env, signal }: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<string> {
  signal.throwIfAborted()
  const child = spawn('bash', [resolve(packageRoot, 'scripts', name), ...words], {
    env,
    // A group of its own, so that compilers hear of the end, too.
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const end = () => {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGTERM')
    } catch {
      // They have ended by themselves.
    }
  }
  signal.addEventListener('abort', end)
  try {
    const [written, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    signal.throwIfAborted()
    if (code !== 0) throw new SetUpProblem(`${name} failed, see above`)
    return written.trim()
  } catch (error) {
    if (error instanceof SetUpProblem || signal.aborted) throw error
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new SetUpProblem(
      missing ? 'Missing: bash, which the set-up needs' : `${name} cannot be run: ${messageOf(error)}`,
    )
  } finally {
    signal.removeEventListener('abort', end)
  }
}
