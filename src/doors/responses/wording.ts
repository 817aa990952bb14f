/** Answer -> OpenAI's response, or the events that tell how it comes about. Pure. */
import type { Failure } from '../../errors.ts'
import { eventComment, serverSentEvent } from '../../http/stream.ts'
import type { Answer } from '../../inference/question.ts'
import type { StreamWording, Wording } from '../answer.ts'
import type { ForcedTool } from '../forced-tool.ts'
import { errorBody } from '../openai/wording.ts'
import { pictureComment } from '../pictures.ts'

export type ResponseFacts = {
  id: string
  /** Of the one item that an answer is. */
  itemId: string
  model: string
  created: number
  /** As they were asked for, or are otherwise. */
  settings: { temperature: number; top_p: number; max_output_tokens: number; instructions: string | null }
}

type Status = 'in_progress' | 'completed' | 'incomplete'

const statusOf = ({ finishReason }: Answer): Status =>
  finishReason === 'length' ? 'incomplete' : 'completed'

const usageOf = ({ usage, cachedTokens }: Answer) => ({
  input_tokens: usage.prompt_tokens,
  input_tokens_details: { cached_tokens: cachedTokens },
  output_tokens: usage.completion_tokens,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: usage.total_tokens,
})

const responseOf = ({ id, model, created, settings }: ResponseFacts, more: object) => ({
  id,
  object: 'response',
  created_at: created,
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  model,
  output: [],
  ...settings,
  background: false,
  metadata: {},
  parallel_tool_calls: false,
  previous_response_id: null,
  store: false,
  tool_choice: 'auto',
  tools: [],
  truncation: 'disabled',
  usage: null,
  ...more,
})

function finished(answer: Answer, facts: ResponseFacts, item: Item) {
  const status = statusOf(answer)
  return responseOf(facts, {
    status,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    output: [item.whole(answer.text, status)],
    usage: usageOf(answer),
  })
}

type Event = { type: string } & Record<string, unknown>

/** The one item of an answer, whole and as events. */
type Item = {
  whole(text: string, status: Status): object
  /** Before its first word, with it, and after its last. */
  opening: Event[]
  piece(text: string): Event
  closing(text: string, status: Status): Event[]
}

function messageItem(id: string): Item {
  const at = { item_id: id, output_index: 0, content_index: 0 }
  const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })
  const whole = (content: object[], status: Status) => ({
    id,
    type: 'message',
    status,
    role: 'assistant',
    content,
  })
  return {
    whole: (text, status) => whole([part(text)], status),
    opening: [
      { type: 'response.output_item.added', output_index: 0, item: whole([], 'in_progress') },
      { type: 'response.content_part.added', ...at, part: part('') },
    ],
    piece: (delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] }),
    closing: (text, status) => [
      { type: 'response.output_text.done', ...at, text, logprobs: [] },
      { type: 'response.content_part.done', ...at, part: part(text) },
      { type: 'response.output_item.done', output_index: 0, item: whole([part(text)], status) },
    ],
  }
}

function callItem({ name }: ForcedTool, id: string): Item {
  const at = { item_id: `fc_${id}`, output_index: 0 }
  const whole = (text: string, status: Status) => ({
    id: `fc_${id}`,
    type: 'function_call',
    status,
    call_id: `call_${id}`,
    name,
    arguments: text,
  })
  return {
    whole,
    opening: [{ type: 'response.output_item.added', output_index: 0, item: whole('', 'in_progress') }],
    piece: (delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta }),
    closing: (text, status) => [
      { type: 'response.function_call_arguments.done', ...at, name, arguments: text },
      { type: 'response.output_item.done', output_index: 0, item: whole(text, status) },
    ],
  }
}

function responseEvents(facts: ResponseFacts, item: Item): StreamWording {
  let told = 0
  let begun = false
  const say = (events: Event[]) =>
    events
      .map(({ type, ...event }) => serverSentEvent({ type, sequence_number: told++, ...event }, type))
      .join('')
  const failed = (error: Failure) => {
    const { code, ...more } = errorBody(error).error
    return say([
      {
        type: 'response.failed',
        response: responseOf(facts, { status: 'failed', error: { code, ...more } }),
      },
      // Most of their clients throw for this one only.
      { type: 'error', error: { code, ...more } },
    ])
  }
  return {
    mediaType: 'text/event-stream; charset=utf-8',
    event(event) {
      if (event.type === 'token') return say([item.piece(event.text)])
      if (event.type === 'picture') return pictureComment(event)
      if (begun) return ''
      begun = true
      const response = responseOf(facts, {})
      return say([
        { type: 'response.created', response },
        { type: 'response.in_progress', response },
        ...item.opening,
      ])
    },
    done(answer) {
      const status = statusOf(answer)
      return say([
        ...item.closing(answer.text, status),
        { type: `response.${status}`, response: finished(answer, facts, item) },
      ])
    },
    failed,
    heartbeat: () => eventComment(),
  }
}

export function responseWording(facts: ResponseFacts, tool: ForcedTool | undefined): Wording<object> {
  const item = tool ? callItem(tool, facts.itemId) : messageItem(`msg_${facts.itemId}`)
  return {
    whole: (answer) => finished(answer, facts, item),
    stream: () => responseEvents(facts, item),
  }
}
