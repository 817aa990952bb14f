/** Progress on standard error: one line that changes on a terminal, now and then a line elsewhere. */

export type ProgressLine = {
  /** `share` from 0 to 1. */
  show(share: number, text: string): void
  /** Ends the line, so that what follows has its own. */
  end(): void
}

const barWidth = 24
/** Without a terminal: a line each time so much more is done. */
const step = 0.1

export function progressLine(stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  let told = -1
  let open = false
  return {
    show(share, text) {
      const percent = `${Math.floor(share * 100)} %`
      if (!stream.isTTY) {
        if (share < 1 && share - told < step) return
        told = share
        stream.write(`${percent} ${text}\n`)
        return
      }
      const filled = Math.round(share * barWidth)
      stream.write(`\r\u001b[K${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${percent} ${text}`)
      open = true
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
