/** Questions about drawn pictures whose answers are known: who gets another's answer, or half of one, shows. */
import { encodeScene } from '../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../models/drawings/questions.ts'
import { type Answered, infer } from '../support/service.ts'

export type Known = { request: { prompt: string; image: string; temperature: number }; answers: Set<string> }

/**
 * So many, asked once of a service that nobody disturbs: the model errs now and then, and what it says then is its answer
 * just as the right one is.
 */
export async function knownQuestions(url: string, count: number): Promise<Known[]> {
  const known: Known[] = []
  for (const { scene, question, answer } of heldOutQuestions(count)) {
    const image = (await encodeScene(scene, 'png')).toString('base64')
    const request = { prompt: question, image, temperature: 0 }
    const { status, body } = await infer(url, request)
    if (status !== 200)
      throw new Error(`${status} ${body.details?.code} before anything was done to the service`)
    known.push({ request, answers: new Set([answer, body.response_text]) })
  }
  return known
}

export type Verdict = 'right' | 'wrong' | 'refused' | 'untyped' | 'hung'

/** Asks one and judges what comes back. Refused is whatever is told with a code, hung what takes longer than the limit. */
export async function asked(
  url: string,
  { request, answers }: Known,
  limitMs: number,
  onRefused: (code: string) => void = () => {},
): Promise<Verdict> {
  const limit = AbortSignal.timeout(limitMs)
  const answered = await infer(url, request, limit).catch((): Answered | undefined => undefined)
  if (!answered) return limit.aborted ? 'hung' : 'untyped'
  const { status, body } = answered
  if (status === 200) return answers.has(body.response_text) ? 'right' : 'wrong'
  if (!body.details?.code || !body.error_type) return 'untyped'
  onRefused(body.details.code)
  return 'refused'
}

/** Sums up verdicts. */
export const tally = (verdicts: Verdict[]): Record<Verdict, number> => {
  const counts = { right: 0, wrong: 0, refused: 0, untyped: 0, hung: 0 }
  for (const verdict of verdicts) counts[verdict] += 1
  return counts
}

/** A request that the demo model answers for seconds: the schema keeps it from ending. */
export async function longRequest(): Promise<object> {
  const [first] = heldOutQuestions(1)
  if (!first) throw new Error('no question')
  const image = (await encodeScene(first.scene, 'png')).toString('base64')
  const json_schema = { type: 'string', minLength: 1500 }
  return { prompt: 'Describe it.', image, temperature: 0, json_schema, max_tokens: 1200 }
}
