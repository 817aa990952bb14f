/** `caption` for a person: a progress bar with the time left, failures at the end, an exit code. */
import { type CaptionOptions, caption } from './caption.ts'
import { duration, progressLine } from './progress.ts'

/** 0 when every picture has its caption, 1 when some failed, 130 when it was interrupted. */
export async function captionCommand(options: Omit<CaptionOptions, 'progress' | 'note'>): Promise<number> {
  const line = progressLine()
  const { captioned, before, failures } = await caption({
    ...options,
    note: (sentence) => console.error(sentence),
    progress: ({ done, failed, total, secondsLeft }) => {
      const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`
      line.show(done / total, `${done} of ${total}${failed > 0 ? `, ${failed} failed` : ''}${left}`)
    },
  })
  line.end()
  console.error(
    `${captioned} captions written to ${options.out}${before > 0 ? `, ${before} were there before` : ''}`,
  )
  for (const { path, message } of failures) console.error(`${path}: ${message}`)
  if (options.signal.aborted) {
    console.error('Interrupted; the same command goes on from here')
    return 130
  }
  return failures.length > 0 ? 1 : 0
}
