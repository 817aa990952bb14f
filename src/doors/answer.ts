/** A question and its answer, whole or while it is made: written once for every door, under the request's limits. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Failure, failureAt } from '../errors.ts'
import { type Limits, limited } from '../http/limit.ts'
import { type StreamManners, streamReply } from '../http/stream.ts'
import type { Inference } from '../inference/infer.ts'
import type { Answer, InferenceEvent, Question } from '../inference/question.ts'
import type { Door } from '../metrics.ts'

/** How one family of clients hears an answer that is sent while it is made. Each gives the text to send, '' for none. */
export type StreamWording = StreamManners & {
  event(event: InferenceEvent): string
  /** For each answer: the events after it are those of the next. */
  done(answer: Answer): string
}

/** How a door tells an answer. `stream` is asked for once a request, so a wording may remember what it has said. */
export type Wording<Body> = { whole(answer: Answer, ...others: Answer[]): Body; stream(): StreamWording }

/** What the house calls `json_schema`, `prompt` and `image`, by the names of a door's own fields. */
export type FieldNames = { json_schema?: string; prompt?: string; image?: string }

export type Asked = {
  door: Door
  question: Question
  /** Whether the caller wants the answer while it is made. */
  stream: boolean
  /** How often it is asked, one time after the other: the work on its pictures is done once. Once unless said otherwise. */
  answers?: number
  /** For failures that name a field which is none of the caller's. */
  fields?: FieldNames
  /** Milliseconds after which the caller has no use for it. */
  deadlineMs?: number | undefined
}

export type AnswerParts = { infer: Inference['infer']; limits: Limits }

/** What the handler of a route returns. Rejects with a typed failure while there is still a status to choose. */
export async function answerQuestion<Body>(
  request: FastifyRequest,
  reply: FastifyReply,
  { infer, limits }: AnswerParts,
  { door, question, stream, answers = 1, fields = {}, deadlineMs }: Asked,
  wording: Wording<Body>,
): Promise<Body | FastifyReply> {
  const { caller } = request
  const ask = (signal: AbortSignal, index: number, tell?: (event: InferenceEvent) => void) =>
    infer({ door, question: again(question, index), caller, signal, ...(tell && { tell }) })
  const under = <Result>(work: (signal: AbortSignal) => Promise<Result>) =>
    inTheirWords(fields, () => limited(reply, limits, work, deadlineMs))

  if (!stream) {
    return under(async (signal) => {
      const first = await ask(signal, 0)
      const others: Answer[] = []
      for (let index = 1; index < answers; index += 1) others.push(await ask(signal, index))
      return wording.whole(first, ...others)
    })
  }
  const words = wording.stream()
  return streamReply(request, reply, words, (send) =>
    under(async (signal) => {
      for (let index = 0; index < answers; index += 1)
        send(words.done(await ask(signal, index, (event) => send(words.event(event)))))
    }),
  )
}

/** The same question with other random numbers. */
function again(question: Question, index: number): Question {
  const { seed } = question.sampling
  if (index === 0 || seed === undefined) return question
  return { ...question, sampling: { ...question.sampling, seed: (seed + index) >>> 0 } }
}

/** Runs `work`; its failures name the caller's field. */
export async function inTheirWords<Result>(fields: FieldNames, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const theirs = new Map<unknown, string | undefined>(Object.entries(fields)).get(error.facts.field)
    throw theirs === undefined ? error : failureAt(error, theirs)
  }
}
