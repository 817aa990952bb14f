/**
 * All that an installed package needs before it can serve: an engine, built here or given, and what confines it. What
 * is there already is kept; whatever is written goes to where `engine/places.ts` says.
 */
import { randomUUID } from 'node:crypto'
import { access, constants, copyFile, mkdir, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isExecutable } from '../engine/child.ts'
import type { Places } from '../engine/places.ts'
import { messageOf } from '../errors.ts'
import type { PullProgress } from '../pull/download.ts'
import { givenEngine } from './given-engine.ts'
import { SetUpProblem } from './problem.ts'
import { runScript } from './script.ts'

export type SetUpOptions = {
  env: NodeJS.ProcessEnv
  places: Places
  /** Whether missing packages of the system may be installed, where that needs no password. */
  installPackages: boolean
  /** Hears of an archive that is fetched. */
  progress: (progress: PullProgress) => void
  tell: (sentence: string) => void
  signal: AbortSignal
}

/** Answers the path of the engine's program. Throws a problem with a sentence for a person. */
export async function setUp(options: SetUpOptions): Promise<string> {
  const { env, places, progress, signal } = options
  await requireCache(places.cache)
  const folder = env.ENGINE_ARCHIVE
    ? await givenEngine({
        archive: env.ENGINE_ARCHIVE,
        sha256: env.ENGINE_ARCHIVE_SHA256,
        cache: places.cache,
        progress,
        signal,
      })
    : await builtEngine(options)
  await placed(places.engine, (path) => symlink(folder, path))
  await placed(places.confine, (path) => confineProgram(folder, path, options)).catch((error) => {
    if (!(error instanceof SetUpProblem)) throw error
    options.tell(`The engine will have a network: its confinement does not compile here (${error.message})`)
  })
  return join(places.engine, 'bin/llama-server')
}

async function requireCache(cache: string): Promise<void> {
  try {
    await mkdir(cache, { recursive: true })
    await access(cache, constants.W_OK)
  } catch (error) {
    throw new SetUpProblem(
      `${cache} cannot be written to: ${messageOf(error)}. Set LLAMA_VISION_CACHE to a folder that you may write to`,
    )
  }
}

async function builtEngine({ env, places, installPackages, signal }: SetUpOptions): Promise<string> {
  const own = { LLAMA_VISION_CACHE: places.cache, INSTALL_PACKAGES: installPackages ? 'yes' : 'no' }
  const program = await runScript('build-engine.sh', ['native'], { env: { ...env, ...own }, signal })
  return dirname(dirname(program))
}

/** An archive brings its own, so that no compiler is needed. */
async function confineProgram(engine: string, path: string, { env, signal }: SetUpOptions): Promise<void> {
  const brought = join(engine, 'confine')
  if (isExecutable(brought)) await copyFile(brought, path)
  else await runScript('build-confine.sh', [path], { env, signal })
}

/** Made beside its place and then moved there: a service that runs meanwhile sees the old one or the new. */
async function placed(path: string, make: (path: string) => Promise<void>): Promise<void> {
  const made = `${path}.${randomUUID()}`
  await mkdir(dirname(path), { recursive: true })
  try {
    await make(made)
    await rename(made, path)
  } finally {
    await rm(made, { force: true })
  }
}
