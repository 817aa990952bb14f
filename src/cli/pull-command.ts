/**
 * `llama-vision pull SOURCE`: a model and its projector into MODEL_PATH, with progress on stderr and the name to set at
 * the end on stdout.
 */
import { loadConfig } from '../config.ts'
import type { PullProgress } from '../pull/download.ts'
import { pull } from '../pull/pull.ts'
import { PullProblem } from '../pull/requests.ts'
import { firstSignal } from './ending.ts'
import { duration, progressLine } from './progress.ts'
import { misspeltSettings } from './settings.ts'

/** The command. Throws as `pull` does; SIGINT and SIGTERM end it with what has come kept. */
export async function pullCommand(source: string, env: NodeJS.ProcessEnv): Promise<void> {
  for (const sentence of misspeltSettings(env)) console.error(sentence)
  const { MODEL_PATH: folder } = loadConfig(env)
  const stopped = new PullProblem('Stopped. What has come is kept: the same command goes on where it ended')
  const { signal, forget } = firstSignal(['SIGINT', 'SIGTERM'], stopped)
  const line = pullProgress(process.stderr)
  try {
    const names = await pull(source, { folder, env, progress: line.show, signal })
    line.end()
    console.log(`${folder} has ${names.join(' and ')}. To serve the model set:\n${settingFor(names)}`)
  } finally {
    line.end()
    forget()
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
): { show: (progress: PullProgress) => void; end: () => void } {
  let line = progressLine(stream)
  let shown: PullProgress | undefined
  let marks: { at: number; bytes: number }[] = []

  function show(progress: PullProgress): void {
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
