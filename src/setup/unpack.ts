/**
 * An archive of an engine into a folder. Only what `scripts/engine-archive.sh` puts into one is taken: files of known places,
 * and links from one file to its neighbour. Whatever else it holds, the whole is refused, and so is one that would be too
 * large, before anything is written.
 */
import type { Readable } from 'node:stream'
import { extract, list, type Parser, type ReadEntry } from 'tar'
import { SetUpProblem } from './problem.ts'

const mostFiles = 1000
const mostBytes = 2 * 1024 ** 3
/** Bytes that one compressed byte may become: programs become four, what is meant to do harm a thousand. */
const maxDecompressionRatio = 100

const name = String.raw`\w[\w.+-]*`
const places: Record<string, RegExp> = {
  Directory: /^(?:bin|licenses)\/$/,
  File: new RegExp(`^(?:(?:bin|licenses)/${name}|build\\.json|confine)$`),
  SymbolicLink: new RegExp(`^bin/${name}$`),
}
const neighbour = new RegExp(`^${name}$`)

/**
 * Unpacks a tar, compressed or not, into the existing `folder`; `read` begins it anew each time. Rejects with a
 * `SetUpProblem` for what is no engine, and as the stream and the disk do.
 */
export async function unpack(read: () => Readable, folder: string): Promise<void> {
  await check(read())
  await through(read(), extract({ cwd: folder, strict: true, maxDecompressionRatio, preserveOwner: false }))
}

async function check(archive: Readable): Promise<void> {
  let files = 0
  let bytes = 0
  let refused = ''

  function refusal({ path, type, size, linkpath = '' }: ReadEntry): string {
    files += 1
    bytes += size
    if (files > mostFiles) return `it has more than ${mostFiles} files`
    if (bytes > mostBytes) return `it has more than ${mostBytes} bytes`
    if (!places[type]?.test(path)) return `it has ${JSON.stringify(path)} (${type})`
    if (type === 'SymbolicLink' && !neighbour.test(linkpath))
      return `${path} is a link to ${JSON.stringify(linkpath)}`
    return ''
  }

  const checking = list({
    strict: true,
    maxDecompressionRatio,
    filter: (_path, entry) => {
      // `Stats` are of files that are packed.
      if (refused === '' && 'header' in entry) refused = refusal(entry)
      if (refused !== '') archive.destroy(new SetUpProblem(noEngine(refused)))
      return false
    },
  })
  await through(archive, checking)
}

const noEngine = (why: string): string =>
  `The archive is no engine that scripts/engine-archive.sh made: ${why}`

const through = (archive: Readable, parser: Parser): Promise<void> =>
  new Promise((resolve, reject) => {
    parser.on('close', resolve).on('error', ({ message }: Error) => {
      archive.destroy()
      reject(new SetUpProblem(noEngine(message)))
    })
    archive.on('error', reject).pipe(parser)
  })
