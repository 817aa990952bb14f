/** A question and its answer, whole or while it is made: written once for every door, under the request's limits. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Limits, limited } from '../http/limit.ts'
import { type StreamManners, streamReply } from '../http/stream.ts'
import type { Inference } from '../inference/infer.ts'
import type { Answer, InferenceEvent, Question } from '../inference/question.ts'
import type { Door } from '../metrics.ts'

/** How one family of clients hears an answer that is sent while it is made. Each gives the text to send, '' for none. */
export type StreamWording = StreamManners & {
  event(event: InferenceEvent): string
  done(answer: Answer): string
}

/** How a door tells an answer. `stream` is asked for once an answer, so a wording may remember what it has said. */
export type Wording<Body> = { whole(answer: Answer): Body; stream(): StreamWording }

export type Asked = {
  door: Door
  question: Question
  /** Whether the caller wants the answer while it is made. */
  stream: boolean
  /** Milliseconds after which the caller has no use for it. */
  deadlineMs?: number | undefined
}

export type AnswerParts = { infer: Inference['infer']; limits: Limits }

/** What the handler of a route returns. Rejects with a typed failure while there is still a status to choose. */
export async function answerQuestion<Body>(
  request: FastifyRequest,
  reply: FastifyReply,
  { infer, limits }: AnswerParts,
  { door, question, stream, deadlineMs }: Asked,
  wording: Wording<Body>,
): Promise<Body | FastifyReply> {
  const { caller } = request
  const ask = (tell?: (event: InferenceEvent) => void) =>
    limited(
      reply,
      limits,
      (signal) => infer({ door, question, caller, signal, ...(tell && { tell }) }),
      deadlineMs,
    )
  if (!stream) return wording.whole(await ask())
  const words = wording.stream()
  return streamReply(request, reply, words, async (send) => {
    const answer = await ask((event) => send(words.event(event)))
    send(words.done(answer))
  })
}
