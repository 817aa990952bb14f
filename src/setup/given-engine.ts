/**
 * An engine that somebody built before: `ENGINE_ARCHIVE`, a file or an address, which must have the hash that
 * `ENGINE_ARCHIVE_SHA256` tells before anything of it is unpacked. It gets its place in the cache when it is whole and
 * has shown that it starts here.
 */
import { constants } from 'node:fs'
import { chmod, mkdir, mkdtemp, open, readFile, rename, rm } from 'node:fs/promises'
import { machine } from 'node:os'
import { join, resolve } from 'node:path'
import { engineBuild, isExecutable } from '../engine/child.ts'
import { messageOf } from '../errors.ts'
import { otherKind } from '../plain-file.ts'
import { download, freeBytes, type PullProgress } from '../pull/download.ts'
import { sha256Of } from '../pull/part.ts'
import { asSha256, shown } from '../pull/requests.ts'
import { SetUpProblem } from './problem.ts'
import { unpack } from './unpack.ts'

export type GivenEngine = {
  /** A path, or an address with http or https. */
  archive: string
  sha256: string | undefined
  cache: string
  progress: (progress: PullProgress) => void
  signal: AbortSignal
}

const mostArchiveBytes = 1024 ** 3
const idleMs = 60_000
const pauseMs = 1000

/** The folder of the engine, unpacked now or before. Throws a problem with a sentence for a person. */
export async function givenEngine({ archive, cache, signal, ...given }: GivenEngine): Promise<string> {
  const sha256 = asSha256(given.sha256?.trim())
  if (!sha256)
    throw new SetUpProblem(
      `ENGINE_ARCHIVE_SHA256 must be the SHA-256 of the archive, 64 hexadecimal digits, got ${JSON.stringify(given.sha256 ?? '')}; nothing is unpacked without it`,
    )
  const engines = join(cache, 'engine')
  const folder = join(engines, `archive-${sha256}`)
  if (isExecutable(join(folder, 'bin/llama-server'))) return folder
  await mkdir(engines, { recursive: true })
  if (!/^https?:\/\//.test(archive)) {
    await unpackChecked(resolve(archive), sha256, folder, signal)
    return folder
  }
  const file = { name: `engine-${sha256.slice(0, 16)}.tar.gz`, address: archive, size: undefined, sha256 }
  const downloads = join(cache, 'download')
  await mkdir(downloads, { recursive: true })
  const target = {
    folder: downloads,
    variable: 'LLAMA_VISION_CACHE',
    // What it is called here means nothing to a person.
    progress: (one: PullProgress) => given.progress({ ...one, file: shown(archive) }),
    freeBytes,
  }
  await download(file, target, { signal, tokenOrigin: undefined, token: undefined, idleMs, pauseMs })
  const fetched = join(downloads, file.name)
  try {
    await unpackChecked(fetched, sha256, folder, signal)
    return folder
  } finally {
    await rm(fetched)
  }
}

async function unpackChecked(
  path: string,
  sha256: string,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error) => {
    throw new SetUpProblem(`ENGINE_ARCHIVE cannot be read: ${messageOf(error)}`)
  })
  const staging = await mkdtemp(join(folder, '../.archive-'))
  try {
    const found = await handle.stat()
    const kind = otherKind(found)
    if (kind) throw new SetUpProblem(`ENGINE_ARCHIVE must be a file, but ${path} is ${kind}`)
    if (found.size > mostArchiveBytes)
      throw new SetUpProblem(`${path} has ${found.size} bytes; an engine has at most ${mostArchiveBytes}`)
    const actual = await sha256Of(handle, found.size, signal)
    if (actual !== sha256)
      throw new SetUpProblem(
        `${path} is not the archive that was meant: its SHA-256 is ${actual}, and ENGINE_ARCHIVE_SHA256 says ${sha256}. Nothing of it was unpacked`,
      )
    // By the same descriptor: another file may have got the name meanwhile.
    await unpack(() => handle.createReadStream({ start: 0, end: found.size - 1, autoClose: false }), staging)
    await requireStart(staging)
    await chmod(staging, 0o755)
    await rm(folder, { recursive: true, force: true })
    await rename(staging, folder)
  } finally {
    await handle.close()
    await rm(staging, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Of another architecture or a newer system it is told here, not at the first start of the service. */
async function requireStart(folder: string): Promise<void> {
  const architecture = await architectureOf(folder)
  if (architecture !== machine())
    throw new SetUpProblem(`The engine in the archive is for ${architecture}, this machine is ${machine()}`)
  await engineBuild(join(folder, 'bin/llama-server')).catch((error) => {
    const [reason] = messageOf(error).trim().split('\n').slice(-1)
    throw new SetUpProblem(`The engine in the archive does not start here: ${reason}`)
  })
}

async function architectureOf(folder: string): Promise<string> {
  try {
    const build = JSON.parse(await readFile(join(folder, 'build.json'), 'utf8')) as { architecture?: unknown }
    return String(build.architecture)
  } catch (error) {
    throw new SetUpProblem(
      `The archive does not tell what its engine is for (build.json): ${messageOf(error)}`,
    )
  }
}
