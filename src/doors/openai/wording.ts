/** Answer -> OpenAI's completion or chunks, failure -> their error. Pure. */
import type { Failure } from '../../errors.ts'
import { eventComment, serverSentEvent } from '../../http/stream.ts'
import type { Answer, InferenceEvent } from '../../inference/question.ts'
import type { StreamWording, Wording } from '../answer.ts'

export type CompletionFacts = { id: string; model: string; created: number }

const usageOf = ({ usage, cachedTokens }: Answer) => ({
  ...usage,
  prompt_tokens_details: { cached_tokens: cachedTokens },
})

const completionOf = (answer: Answer, { id, model, created }: CompletionFacts) => ({
  id,
  object: 'chat.completion',
  created,
  model,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: answer.text, refusal: null },
      logprobs: null,
      finish_reason: answer.finishReason,
    },
  ],
  usage: usageOf(answer),
})

function completionChunks(facts: CompletionFacts, withUsage: boolean): StreamWording {
  const chunk = (choices: object[], more: object = {}) =>
    serverSentEvent({
      id: facts.id,
      object: 'chat.completion.chunk',
      created: facts.created,
      model: facts.model,
      choices,
      ...more,
    })
  const choice = (delta: object, finish_reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason },
  ]
  let begun = false
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    event(event) {
      if (event.type === 'token') return chunk(choice({ content: event.text }))
      // A chunk with a field of ours would be one too many for some of their clients.
      if (event.type === 'picture') return eventComment(pictureSentence(event))
      if (begun) return ''
      begun = true
      return chunk(choice({ role: 'assistant', content: '' }))
    },
    done: (answer) =>
      chunk(choice({}, answer.finishReason)) +
      (withUsage ? chunk([], { usage: usageOf(answer) }) : '') +
      'data: [DONE]\n\n',
    failed: (error) => serverSentEvent(errorBody(error)),
    heartbeat: () => eventComment(),
  }
}

const pictureSentence = ({ done, total, secondsLeft }: Extract<InferenceEvent, { type: 'picture' }>) =>
  `picture: ${done} of ${total} layers, ${Math.ceil(secondsLeft)} s left`

export const chatWording = (facts: CompletionFacts, withUsage: boolean): Wording<object> => ({
  whole: (answer) => completionOf(answer, facts),
  stream: () => completionChunks(facts, withUsage),
})

export const errorBody = (error: Failure) => ({
  error: {
    message: error.message,
    type: errorType(error.status),
    param: typeof error.facts.field === 'string' ? error.facts.field : null,
    code: error.code,
  },
})

function errorType(status: number): string {
  if (status === 401 || status === 403) return 'authentication_error'
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}
