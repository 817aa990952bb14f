/** The words of the two families, in full: their clients read each of these fields. */
import t from 'tap'
import type { StreamWording } from '../../src/doors/answer.ts'
import {
  chatText,
  generateText,
  loadedBody,
  errorBody as ollamaError,
  ollamaWording,
} from '../../src/doors/ollama/wording.ts'
import { chatWording, errorBody as openaiError } from '../../src/doors/openai/wording.ts'
import { failure } from '../../src/errors.ts'
import type { InferenceEvent } from '../../src/inference/question.ts'
import { answerOf, somePicture } from '../support/app.ts'

const answer = {
  ...answerOf('a red square'),
  finishReason: 'length' as const,
  timings: { queue: 1.5, image: 2, prompt: 3.25, generation: 4.0000001, total: 10.75 },
}

const events: InferenceEvent[] = [
  { type: 'queued', position: 1, secondsLeft: null },
  { type: 'image', image: somePicture, done: 1, total: 1 },
  { type: 'prompt', processed: 3, cached: 1, total: 3, secondsLeft: 2 },
  { type: 'picture', done: 10, total: 40, secondsLeft: 8.5 },
  { type: 'token', text: 'a red ' },
  { type: 'token', text: 'square' },
]

const told = (words: StreamWording): string[] => [...events.map(words.event), words.done(answer)]

/** The bodies of server-sent events without a name. */
const dataOf = (text: string): unknown[] =>
  text
    .split('\n\n')
    .slice(0, -1)
    .filter((event) => !event.startsWith(':'))
    .map((event) => (event === 'data: [DONE]' ? 'done' : JSON.parse(event.replace(/^data: /, ''))))

const facts = { id: 'chatcmpl-1', model: 'tiny', created: 7 }
const chatting = (withUsage: boolean) =>
  chatWording({ ...facts, callId: 'call_1' }, { answers: 1, withUsage, tool: undefined })
const usage = {
  ...{ prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  prompt_tokens_details: { cached_tokens: 1 },
}

t.test("OpenAI's completion is one choice with its usage", (t) => {
  t.strictSame(chatting(false).whole(answer), {
    ...facts,
    object: 'chat.completion',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'a red square', refusal: null },
        logprobs: null,
        finish_reason: 'length',
      },
    ],
    usage,
  })
  t.end()
})

t.test(
  "OpenAI's chunks say who speaks once, then the words, how it ended, and what it took if asked",
  (t) => {
    const chunk = (choices: object[], more = {}) => ({
      ...facts,
      object: 'chat.completion.chunk',
      choices,
      ...more,
    })
    const choice = (delta: object, finish_reason: string | null = null) => [
      { index: 0, delta, logprobs: null, finish_reason },
    ]
    const words = [
      chunk(choice({ role: 'assistant', content: '' })),
      chunk(choice({ content: 'a red ' })),
      chunk(choice({ content: 'square' })),
      chunk(choice({}, 'length')),
    ]
    const stream = () => chatting(false).stream()
    t.equal(stream().mediaType, 'text/event-stream; charset=utf-8')
    t.strictSame(dataOf(told(stream()).join('')), [...words, 'done'])
    const counted = chatting(true).stream()
    t.strictSame(dataOf(told(counted).join('')), [...words, chunk([], { usage }), 'done'])
    t.match(told(stream()), [/./, '', '', ': picture: 10 of 40 layers, 9 s left\n\n'], 'a comment, too')
    t.match(stream().heartbeat(), /^:.*\n\n$/, 'a comment, which clients skip')
    const crashed = failure('engine_crashed')
    t.strictSame(dataOf(stream().failed(crashed)), [openaiError(crashed)])
    t.end()
  },
)

t.test("OpenAI's errors are of the kind that their clients tell apart", (t) => {
  for (const [given, type, param] of [
    [failure('unauthorized'), 'authentication_error', null],
    [failure('origin_not_allowed', { actual: 'evil.example' }), 'authentication_error', null],
    [failure('queue_full', { limit: 1, actual: 1 }), 'rate_limit_error', null],
    [failure('missing_field', { field: 'messages' }), 'invalid_request_error', 'messages'],
    [failure('not_supported', { feature: 'n', reason: 'a' }), 'invalid_request_error', null],
    [failure('engine_crashed'), 'server_error', null],
    [failure('engine_loading', { reason: 'a' }), 'server_error', null],
  ] as const)
    t.strictSame(openaiError(given), { error: { message: given.message, type, param, code: given.code } })
  t.end()
})

t.test("Ollama's answer has its text where the route has it, and durations in nanoseconds", (t) => {
  const figures = {
    ...{ done: true, done_reason: 'length', total_duration: 10_750_000, load_duration: 1_500_000 },
    ...{ prompt_eval_count: 3, prompt_eval_duration: 3_250_000, eval_count: 2, eval_duration: 4_000_000 },
  }
  for (const [shape, text] of [
    [generateText('tiny'), (response: string) => ({ response })],
    [chatText('tiny'), (content: string) => ({ message: { role: 'assistant', content } })],
  ] as const) {
    const { whole, stream } = ollamaWording(shape)
    const { created_at, ...body } = whole(answer) as Record<string, unknown>
    t.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.strictSame(body, { model: 'tiny', ...text('a red square'), ...figures })
    const words = stream()
    t.equal(words.mediaType, 'application/x-ndjson')
    const line = (spoken: string, done: boolean) => ({ model: 'tiny', ...text(spoken), done })
    const lines = told(words).map((one) => {
      if (one === '') return 'nothing'
      t.match(one, /^\{.*\}\n$/, 'one line')
      const { created_at: _, ...rest } = JSON.parse(one)
      return rest
    })
    t.strictSame(lines, [
      ...['nothing', 'nothing', 'nothing'],
      { ...line('', false), progress: { stage: 'picture', done: 10, total: 40, seconds_left: 8.5 } },
      ...[line('a red ', false), line('square', false)],
      { ...line('', true), ...figures },
    ])
    t.match(JSON.parse(words.heartbeat()), line('', false), 'a word of no letters')
    const crashed = failure('engine_crashed')
    t.strictSame(JSON.parse(words.failed(crashed)), ollamaError(crashed))
    t.strictSame(ollamaError(crashed), { error: crashed.message })
    t.match(loadedBody(shape), { model: 'tiny', ...text(''), done: true, done_reason: 'load' })
  }
  t.end()
})
