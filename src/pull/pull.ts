/**
 * `llama-vision pull SOURCE`: a model and its projector into MODEL_PATH, with progress on stderr and the name to set at
 * the end on stdout. What was cut off goes on when the same command is given again.
 */
import { mkdir } from 'node:fs/promises'
import { settings } from '../config.ts'
import { messageOf } from '../errors.ts'
import { recordPulled } from '../model/locate.ts'
import { download, freeBytes, type Progress, requireSpace, type Target } from './download.ts'
import { duration, progressLine } from './progress.ts'
import { filesOf } from './sources.ts'
import { PullProblem, type Web } from './web.ts'

export type PullOptions = {
  folder: string
  env: NodeJS.ProcessEnv
  progress: (progress: Progress) => void
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
  const target: Target = { folder, progress: options.progress, freeBytes: options.freeBytes ?? freeBytes }
  try {
    const files = await filesOf(source, endpoints, web)
    await makeFolder(folder)
    // Before the first byte: a projector that does not fit beside its model is of no use.
    await requireSpace(files, target)
    for (const file of files) await download(file, target, web)
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
      `${folder} cannot be made: ${messageOf(error)}. Set MODEL_PATH to a folder that you may write to`,
    )
  }
}

/** The command. Throws as `pull` does; SIGINT and SIGTERM end it with what has come kept. */
export async function pullCommand(source: string, env: NodeJS.ProcessEnv): Promise<void> {
  const stop = new AbortController()
  const onSignal = () =>
    stop.abort(new PullProblem('Stopped. What has come is kept: the same command goes on where it ended'))
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  const folder = env.MODEL_PATH || settings.properties.MODEL_PATH.default
  const line = pullProgress(process.stderr)
  try {
    const names = await pull(source, { folder, env, progress: line.show, signal: stop.signal })
    line.end()
    console.log(`${folder} has ${names.join(' and ')}. To serve the model set:\n${settingFor(names)}`)
  } finally {
    line.end()
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

const settingFor = ([first = '']: string[]): string =>
  /mmproj/i.test(first) ? `MMPROJ_NAME=${first}` : `MODEL_NAME=${first}`

const redrawMs = 200
/** Rates are those of the last so many milliseconds. */
const rateWindowMs = 5000
/** What the line on a terminal holds beside the text: the bar, the percentage and the cursor. */
const columnsOfBar = 32

/** Shows the files of a pull one after the other, each on a line of its own, with its rate and the time left. */
export function pullProgress(
  stream: NodeJS.WriteStream,
  now: () => number = Date.now,
): { show: (progress: Progress) => void; end: () => void } {
  let line = progressLine(stream)
  let shown: Progress | undefined
  let marks: { at: number; bytes: number }[] = []

  function show(progress: Progress): void {
    const { file, doneBytes, totalBytes } = progress
    const isWhole = doneBytes === totalBytes
    const isNew = file !== shown?.file
    const at = now()
    if (isNew) {
      line.end()
      line = progressLine(stream)
    } else if (isWhole ? shown?.doneBytes === totalBytes : at - (marks.at(-1)?.at ?? 0) < redrawMs) return
    // Fewer bytes than before: the file had to start anew.
    if (isNew || doneBytes < (shown?.doneBytes ?? 0)) marks = []
    marks.push({ at, bytes: doneBytes })
    while (marks.length > 2 && at - (marks[0]?.at ?? at) > rateWindowMs) marks.shift()
    shown = progress
    const rate = isWhole ? 0 : rateOf(marks)
    // The name comes last: a long one may be cut off, the numbers may not.
    const text = `of ${amount(totalBytes)}${speed(rate, totalBytes - doneBytes)}  ${file}`
    const room = stream.isTTY ? Math.max(0, (stream.columns || 80) - columnsOfBar) : text.length
    line.show(totalBytes === 0 ? 1 : doneBytes / totalBytes, text.slice(0, room))
  }

  return { show, end: () => line.end() }
}

/** Bytes a second; 0 while nothing can be said. */
function rateOf(marks: { at: number; bytes: number }[]): number {
  const [first] = marks
  const last = marks.at(-1)
  if (!first || !last || last.at === first.at) return 0
  return ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
}

const speed = (rate: number, bytesLeft: number): string =>
  rate > 0 ? `  ${amount(rate)}/s  ${duration(bytesLeft / rate)} left` : ''

const amount = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`
