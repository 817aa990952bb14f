/** Sends changed requests, and judges what comes back. */
import { errorOf, type RawAnswer, spoken } from '../raw-answers.ts'
import type { Attempt } from './mutations.ts'

export type Fault = 'unanswered' | '5xx' | 'untyped' | 'cut off'

export type Verdict = { number: number; status: number; code: string; fault: Fault | undefined }

/** What an answer under way cannot be told apart from by its status. */
const ownFaults =
  /internal_error|engine_error|engine_crashed|internal error occurred|The engine (failed|stopped)/

export async function verdictOn(
  port: number,
  { method, path, headers, body }: Attempt,
  number: number,
  limitMs: number,
): Promise<Verdict> {
  const fields = Object.entries({ host: 'localhost', connection: 'close', ...headers })
  if (body) fields.push(['content-length', String(body.length)])
  const head = `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  const pieces = [Buffer.concat([Buffer.from(head, 'latin1'), body ?? Buffer.alloc(0)])]
  const { answers, rest } = await spoken(port, pieces, {
    limitMs,
    enough: ({ answers }) => answers.length > 0,
    toHead: method === 'HEAD',
  })
  const [answer] = answers
  if (!answer) return { number, status: 0, code: rest, fault: rest === '' ? 'unanswered' : 'cut off' }
  return { number, status: answer.status, ...judgedAnswer(answer, method, path) }
}

function judgedAnswer(answer: RawAnswer, method: string, path: string): Pick<Verdict, 'code' | 'fault'> {
  const { status, body } = answer
  const code = errorOf(body) ?? ''
  // To HEAD nothing is told but the status.
  const isTold = isDocumented(status, code) || (method === 'HEAD' && status === 501)
  if (status >= 500 && !isTold) return { code: code || body.slice(0, 80), fault: '5xx' }
  if (status >= 400) return { code, fault: code === '' && method !== 'HEAD' ? 'untyped' : undefined }
  // The page of figures names them all.
  if (!path.startsWith('/metrics') && ownFaults.test(body)) return { code: body.slice(-200), fault: '5xx' }
  return { code: '', fault: hasEnd(answer, path) ? undefined : 'cut off' }
}

/** What is not offered says so with 501; who asks for a deadline is told by 504 that it has passed. */
const isDocumented = (status: number, code: string): boolean =>
  (status === 501 && /not_supported|is not offered/.test(code)) ||
  (status === 504 && /deadline_exceeded|took longer than/.test(code))

/** A stream tells its end. */
function hasEnd({ headers, body }: RawAnswer, path: string): boolean {
  const type = headers.get('content-type') ?? ''
  if (type.startsWith('application/x-ndjson'))
    return /"done":true|"status":"success"|"error":/.test(body.trim().split('\n').at(-1) ?? '')
  if (!type.startsWith('text/event-stream')) return true
  return path.startsWith('/v1')
    ? /^data: (\[DONE\]|\{"error")/m.test(body)
    : /^event: (done|error)$/m.test(body)
}

/** Judges so many at a time, in order of their numbers. */
export async function verdictsOn(
  port: number,
  attempts: Iterable<{ number: number; attempt: Attempt }>,
  { clients, limitMs }: { clients: number; limitMs: number },
): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const open = attempts[Symbol.iterator]()
  const work = async () => {
    for (let next = open.next(); !next.done; next = open.next()) {
      const { number, attempt } = next.value
      verdicts.push(await verdictOn(port, attempt, number, limitMs))
    }
  }
  await Promise.all(Array.from({ length: clients }, work))
  return verdicts
}
