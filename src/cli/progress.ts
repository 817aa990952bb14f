/** Progress on standard error: one line that changes on a terminal, now and then a line elsewhere. */

export type ProgressLine = {
  /** `share` from 0 to 1. */
  show(share: number, text: string): void
  /** A sentence with a line of its own. */
  say(sentence: string): void
  /** Ends the line, so that what follows has its own. */
  end(): void
}

const barWidth = 24
/** Without a terminal: a line each time so much more is done, or so much time has passed. */
const step = 0.1
const mostSilenceMs = 300_000

export function progressLine(
  stream: NodeJS.WriteStream = process.stderr,
  now = () => performance.now(),
): ProgressLine {
  let told = -1
  let toldAt = now()
  let open = false
  return {
    show(share, text) {
      const percent = `${Math.floor(share * 100)} %`
      if (!stream.isTTY) {
        if (share < 1 && share - told < step && now() - toldAt < mostSilenceMs) return
        told = share
        toldAt = now()
        stream.write(`${percent} ${text}\n`)
        return
      }
      const filled = Math.round(share * barWidth)
      stream.write(`\r\u001b[K${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${percent} ${text}`)
      open = true
    },
    say(sentence) {
      stream.write(`${open ? '\r\u001b[K' : ''}${sentence}\n`)
      open = false
    },
    end() {
      if (open) stream.write('\n')
      open = false
    },
  }
}

/** `75` -> `1 min 15 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds)
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  if (hours > 0) return `${hours} h ${minutes} min`
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`
}
