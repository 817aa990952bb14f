/** Answer -> Anthropic's message or events, failure -> their error. Pure. */
import type { Failure } from '../../errors.ts'
import { serverSentEvent } from '../../http/stream.ts'
import type { Answer } from '../../inference/question.ts'
import type { StreamWording, Wording } from '../answer.ts'
import type { ForcedTool } from '../forced-tool.ts'
import { pictureComment } from '../pictures.ts'

/** `callId` is the call's, which a later message may refer to. */
export type MessageFacts = { id: string; callId: string; model: string }

/** Theirs counts what was done before apart. */
const usageOf = (prompt: number, cached: number, answer: number) => ({
  input_tokens: prompt - cached,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cached,
  output_tokens: answer,
})

const answerUsage = ({ usage, cachedTokens }: Answer) =>
  usageOf(usage.prompt_tokens, cachedTokens, usage.completion_tokens)

/** Which of the stop sequences ended an answer, if any, is not known. */
function stopOf({ finishReason }: Answer, tool: ForcedTool | undefined) {
  const stop_reason = finishReason === 'length' ? 'max_tokens' : tool ? 'tool_use' : 'end_turn'
  return { stop_reason, stop_sequence: null }
}

const messageOf = ({ id, model }: MessageFacts, more: object) => ({
  id,
  type: 'message',
  role: 'assistant',
  model,
  content: [],
  stop_reason: null,
  stop_sequence: null,
  ...more,
})

const blockOf = (text: string, { callId }: MessageFacts, tool: ForcedTool | undefined) =>
  tool
    ? { type: 'tool_use', id: callId, name: tool.name, input: inputOf(text) }
    : { type: 'text', text, citations: null }

/** What was cut off has none: `stop_reason` tells. */
function inputOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

function messageEvents(facts: MessageFacts, tool: ForcedTool | undefined): StreamWording {
  const say = (type: string, more: object = {}) => serverSentEvent({ type, ...more }, type)
  let begun = false
  function begin(prompt: number, cached: number): string {
    if (begun) return ''
    begun = true
    return (
      say('message_start', { message: messageOf(facts, { usage: usageOf(prompt, cached, 0) }) }) +
      say('content_block_start', { index: 0, content_block: blockOf('', facts, tool) })
    )
  }
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    event(event) {
      switch (event.type) {
        case 'token': {
          const delta = tool
            ? { type: 'input_json_delta', partial_json: event.text }
            : { type: 'text_delta', text: event.text }
          return begin(0, 0) + say('content_block_delta', { index: 0, delta })
        }
        case 'prompt':
          // The first event tells how long the prompt is, so it waits until that is known.
          return begin(event.total, event.cached)
        case 'picture':
          return pictureComment(event)
        default:
          return ''
      }
    },
    done(answer) {
      const { usage, cachedTokens } = answer
      return (
        begin(usage.prompt_tokens, cachedTokens) +
        say('content_block_stop', { index: 0 }) +
        say('message_delta', { delta: stopOf(answer, tool), usage: answerUsage(answer) }) +
        say('message_stop')
      )
    },
    failed: (error) => serverSentEvent(errorBody(error), 'error'),
    heartbeat: () => say('ping'),
  }
}

export const messageWording = (facts: MessageFacts, tool: ForcedTool | undefined): Wording<object> => ({
  whole: (answer) =>
    messageOf(facts, {
      content: [blockOf(answer.text, facts, tool)],
      ...stopOf(answer, tool),
      usage: answerUsage(answer),
    }),
  stream: () => messageEvents(facts, tool),
})

export const errorBody = (error: Failure, requestId?: string) => ({
  type: 'error',
  error: { type: errorType(error.status), message: error.message },
  ...(requestId !== undefined && { request_id: requestId }),
})

const errorTypes = new Map([
  [401, 'authentication_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
])

const errorType = (status: number): string =>
  errorTypes.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error')
