/** Answer -> OpenAI's completion or chunks, failure -> their error. Pure. */
import type { Failure } from '../../errors.ts'
import { eventComment, serverSentEvent } from '../../http/stream.ts'
import type { Answer } from '../../inference/question.ts'
import type { StreamWording, Wording } from '../answer.ts'
import { pictureComment } from '../pictures.ts'
import { type ChatTool, callWords, plainWords, type Words } from './tools.ts'

export type CompletionFacts = {
  id: string
  model: string
  created: number
  /** Of the calls of a tool, each with its index behind it. */
  callId: string
}

export type CompletionStyle = {
  /** Answers that were asked for. */
  answers: number
  /** Whether a stream ends with its usage. */
  withUsage: boolean
  /** The tool whose arguments the answer is. */
  tool: ChatTool | undefined
}

/** The prompt counts once, however many answers were made of it. */
function usageOf(first: Answer, others: readonly Answer[]) {
  const { prompt_tokens } = first.usage
  const completion_tokens = [first, ...others].reduce((sum, { usage }) => sum + usage.completion_tokens, 0)
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens: prompt_tokens + completion_tokens,
    prompt_tokens_details: { cached_tokens: first.cachedTokens },
  }
}

const wordsOf = ({ tool }: CompletionStyle, { callId }: CompletionFacts, index: number): Words =>
  tool ? callWords(tool, `${callId}_${index}`) : plainWords

/** As theirs: who asked for a call by its name is not told that one was made. */
function finishOf({ finishReason }: Answer, { tool }: CompletionStyle): string {
  return finishReason === 'stop' && tool && !tool.byName ? 'tool_calls' : finishReason
}

const completionOf = (answers: [Answer, ...Answer[]], facts: CompletionFacts, style: CompletionStyle) => ({
  id: facts.id,
  object: 'chat.completion',
  created: facts.created,
  model: facts.model,
  choices: answers.map((answer, index) => ({
    index,
    message: { role: 'assistant', ...wordsOf(style, facts, index).message(answer.text) },
    logprobs: null,
    finish_reason: finishOf(answer, style),
  })),
  usage: usageOf(answers[0], answers.slice(1)),
})

function completionChunks(facts: CompletionFacts, style: CompletionStyle): StreamWording {
  const chunk = (choices: object[], more: object = {}) =>
    serverSentEvent({
      id: facts.id,
      object: 'chat.completion.chunk',
      created: facts.created,
      model: facts.model,
      choices,
      ...more,
    })
  const told: Answer[] = []
  let begun = false
  const choice = (delta: object, finish_reason: string | null = null) =>
    chunk([{ index: told.length, delta, logprobs: null, finish_reason }])
  const words = () => wordsOf(style, facts, told.length)
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    event(event) {
      if (event.type === 'token') return choice(words().piece(event.text))
      if (event.type === 'picture') return pictureComment(event)
      if (begun) return ''
      begun = true
      return choice({ role: 'assistant', ...words().opening })
    },
    done(answer) {
      const finish = choice({}, finishOf(answer, style))
      told.push(answer)
      begun = false
      const [first = answer, ...others] = told
      if (told.length < style.answers) return finish
      const usage = style.withUsage ? chunk([], { usage: usageOf(first, others) }) : ''
      return `${finish}${usage}data: [DONE]\n\n`
    },
    failed: (error) => serverSentEvent(errorBody(error)),
    heartbeat: () => eventComment(),
  }
}

export const chatWording = (facts: CompletionFacts, style: CompletionStyle): Wording<object> => ({
  whole: (...answers) => completionOf(answers, facts, style),
  stream: () => completionChunks(facts, style),
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
