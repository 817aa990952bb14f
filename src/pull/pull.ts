/** A model and its projector into a folder. What was cut off goes on when the same is asked for again. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf } from '../trouble.ts'
import { download, freeBytes, type PullProgress, requireSpace, type Target } from './download.ts'
import { pulledList, recordPulled } from './record.ts'
import type { RemoteFile } from './remote-file.ts'
import { PullProblem, type Web } from './requests.ts'
import { filesOf } from './sources.ts'
import { isThere } from './whole-file.ts'

export type PullOptions = {
  folder: string
  env: NodeJS.ProcessEnv
  progress: (progress: PullProgress) => void
  signal: AbortSignal
  /** Longest silence of a server, in milliseconds. */
  idleMs?: number
  /** Milliseconds before the second try; each further one waits twice as long. */
  pauseMs?: number
  freeBytes?: Target['freeBytes']
}

/**
 * Fetches what `source` names, one file after the other, and answers the names of the files in `folder`, the model's
 * first. Throws `PullProblem` with a sentence for a person, and the signal's reason once that fires.
 */
export async function pull(source: string, options: PullOptions): Promise<string[]> {
  const { folder, env, signal } = options
  const endpoints = {
    huggingFace: endpoint(env, 'HF_ENDPOINT', 'https://huggingface.co'),
    ollama: endpoint(env, 'OLLAMA_REGISTRY', 'https://registry.ollama.ai'),
  }
  const web: Web = {
    signal,
    tokenOrigin: new URL(endpoints.huggingFace).origin,
    token: env.HF_TOKEN || undefined,
    idleMs: options.idleMs ?? 60_000,
    pauseMs: options.pauseMs ?? 1000,
  }
  const target: Target = {
    folder,
    variable: 'MODEL_PATH',
    progress: options.progress,
    freeBytes: options.freeBytes ?? freeBytes,
  }
  try {
    const files = await filesOf(source, endpoints, web)
    await makeFolder(folder)
    // All before the first byte: a projector that does not fit beside its model is of no use.
    await pulledList(folder)
    const missing: RemoteFile[] = []
    for (const file of files) if (!(await isThere(join(folder, file.name), file, signal))) missing.push(file)
    await requireSpace(missing, target)
    for (const file of missing) await download(file, target, web)
    const names = files.map(({ name }) => name)
    await recordPulled(folder, source, names)
    return names
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}

function endpoint(env: NodeJS.ProcessEnv, variable: string, usual: string): string {
  const address = env[variable] || usual
  if (/^https?:\/\//.test(address) && URL.canParse(address)) return address.replace(/\/+$/, '')
  throw new PullProblem(`${variable} must be an address such as ${usual}, got ${JSON.stringify(address)}`)
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw new PullProblem(
      `${folder} cannot be made: ${reasonOf(error)}. Set MODEL_PATH to a folder that you may write to`,
    )
  }
}
