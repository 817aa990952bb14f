/** `caption` for a person: a progress bar with the time left, failures at the end, an exit code. */

import { printable } from '../../printable.ts'
import { duration, progressLine } from '../progress.ts'
import { type CaptionOptions, caption } from './caption.ts'
import type { Skipped } from './photo-folder.ts'

const longestPath = 1000
/** Of one reason; a folder of films would fill the screen. */
const mostNamed = 5

/** How much was left out for which reason, and what. */
function tellSkipped(skipped: readonly Skipped[]): void {
  for (const reason of new Set(skipped.map((one) => one.reason))) {
    const some = skipped.filter((one) => one.reason === reason)
    const named = some.slice(0, mostNamed).map(({ path }) => printable(path, longestPath))
    const more = some.length > mostNamed ? `, and ${some.length - mostNamed} more` : ''
    console.error(`left out, ${reason}: ${named.join(', ')}${more}`)
  }
}

/** 0 when every picture has its caption, 1 when some failed, 130 when it was interrupted and not watching. */
export async function captionCommand(options: Omit<CaptionOptions, 'progress' | 'note'>): Promise<number> {
  const line = progressLine()
  const { captioned, before, failures, skipped, keptSidecars } = await caption({
    ...options,
    note: line.say,
    progress: ({ done, failed, total, secondsLeft }) => {
      const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`
      line.show(done / total, `${done} of ${total}${failed > 0 ? `, ${failed} failed` : ''}${left}`)
    },
  })
  line.end()
  console.error(
    `${captioned} captions written to ${options.out}${before > 0 ? `, ${before} were there before` : ''}`,
  )
  const reason = 'a sidecar with a description of another is left as it is'
  tellSkipped([...skipped, ...keptSidecars.map((path) => ({ path, reason }))])
  for (const { path, message } of failures) console.error(`${printable(path, longestPath)}: ${message}`)
  if (options.signal.aborted && options.watchSeconds === undefined) {
    console.error('Interrupted; the same command goes on from here')
    return 130
  }
  return failures.length > 0 ? 1 : 0
}
