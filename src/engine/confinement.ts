/**
 * How little of the service's own rights the engine gets. `confine.cpp`, which the set-up compiles, starts it with as
 * little as the kernel can be asked for: whatever a request or a model file makes of the engine, it reaches nobody.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { places } from './places.ts'

/** Once found it is kept: an engine must not lose its confinement because a new set-up just takes the old one's place. */
let found = ''
function ownProgram(): string {
  if (found === '' && existsSync(places.confine)) found = places.confine
  return found
}
const probeTimeoutMs = 10_000

/**
 * What to run instead of `program` with these words, so that it may write into `folder` alone and dies with us. Only tests
 * name another `confine`, or none by ''.
 */
export function confined(
  program: string,
  words: readonly string[],
  folder: string,
  confine = ownProgram(),
): [string, string[]] {
  if (confine === '') return [program, [...words]]
  return [confine, [String(process.pid), folder, program, ...words]]
}

export type Confinement = {
  /** Whether the engine can neither reach the network nor outlive the service. */
  holds: boolean
  sentence: string
}

/** Tries it out, for what counts is what this kernel really does. Never rejects. */
export async function confinement(program = places.confine): Promise<Confinement> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--probe', tmpdir()], { timeout: probeTimeoutMs })
    const { networkIsClosed, landlock } = JSON.parse(stdout) as { networkIsClosed: boolean; landlock: number }
    const network = networkIsClosed
      ? 'the engine has no network (seccomp)'
      : 'the engine has a network (no seccomp here)'
    const files =
      landlock > 0
        ? `writes into its own folder alone (Landlock ${landlock})`
        : 'may write where the service may (no Landlock here)'
    return { holds: networkIsClosed, sentence: `${network}, ${files} and dies with the service` }
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const why = missing ? `is missing; run: ${places.command}` : `does not work here: ${String(error)}`
    return {
      holds: false,
      sentence: `the engine has a network and may outlive the service: ${program} ${why}`,
    }
  }
}
