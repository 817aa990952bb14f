/**
 * Where the log goes. The service does not depend on whoever reads it: lines that find no reader, or no room on a disk,
 * are lost, and so are those beyond what is kept for a reader that stands still.
 */
import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'

/** Kept for a reader that is late. */
const mostKeptBytes = 1024 ** 2

/** JSON lines for machines; for a person at a terminal, prose. */
export function createLog(level: Config['LOG_LEVEL']): Logger {
  const out = process.stdout
  out.on('error', () => {})
  if (out.isTTY) return pino({ level }, prose())
  const write = (line: string) => void (out.writableLength < mostKeptBytes && out.write(line))
  return pino({ level }, { write })
}

/** In a thread of its own: a terminal that was stopped (Ctrl-S) takes nothing more, and whoever writes waits. */
const prose = () =>
  pino.transport({ target: 'pino-pretty', options: { ignore: 'pid,hostname' } }).on('error', () => {})
