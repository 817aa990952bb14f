/** Ollama's `/api/chat` and `/api/generate`: request -> question, outcome -> their lines of JSON. Pure. */
import { type Static, Type } from '@sinclair/typebox'
import { type Failure, failure } from '../../errors.ts'
import type { Dialect } from '../../http/stream.ts'
import { requireText } from '../../inference/prompt.ts'
import {
  defaults,
  type JsonSchema,
  type Message,
  type Outcome,
  type Part,
  type Question,
} from '../../inference/question.ts'
import { redSquare } from '../../red-square.ts'
import { listOf, oneOrMore, optional } from '../schema.ts'

const options = optional(
  Type.Object({
    num_predict: optional(Type.Integer({ description: '-1 and -2 end where the context does.' })),
    temperature: optional(Type.Number({ minimum: 0, maximum: 2 })),
    top_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    top_k: optional(Type.Integer({ minimum: 0 })),
    min_p: optional(Type.Number({ minimum: 0, maximum: 1 })),
    repeat_penalty: optional(Type.Number({ minimum: 0, maximum: 10 })),
    presence_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    frequency_penalty: optional(Type.Number({ minimum: -2, maximum: 2 })),
    seed: optional(Type.Integer()),
    stop: optional(oneOrMore({})),
  }),
)

const common = {
  model: optional(Type.String()),
  stream: optional(Type.Boolean({ description: 'True unless said otherwise.' })),
  format: optional(Type.Unsafe<'' | 'json' | JsonSchema>({ type: ['string', 'object'] })),
  options,
  keep_alive: Type.Optional(
    Type.Unknown({ description: 'Accepted and not needed: the model stays loaded.' }),
  ),
}

const images = optional(Type.Array(Type.String({ description: 'A picture as base64.' })))

export const generateRequest = Type.Object(
  {
    ...common,
    prompt: optional(Type.String()),
    system: optional(Type.String()),
    images,
    suffix: optional(Type.String()),
    raw: optional(Type.Boolean()),
  },
  {
    examples: [{ model: 'demo', prompt: 'What colour is it?', images: [redSquare], stream: false }],
  },
)

export const chatRequest = Type.Object(
  {
    ...common,
    messages: Type.Optional(
      Type.Array(
        Type.Object({
          role: Type.Unsafe<Message['role']>({ type: 'string', enum: ['system', 'user', 'assistant'] }),
          content: optional(Type.String()),
          images,
        }),
      ),
    ),
    tools: optional(Type.Array(Type.Unknown())),
  },
  {
    examples: [
      {
        model: 'demo',
        messages: [{ role: 'user', content: 'What colour is it?', images: [redSquare] }],
        stream: false,
      },
    ],
  },
)

export type GenerateRequest = Static<typeof generateRequest>
export type ChatRequest = Static<typeof chatRequest>

const picturesOf = (list: string[] | null | undefined, field: string): Part[] =>
  (list ?? []).map((image, index) => ({ type: 'image', image, field: `${field}/${index}` }))

/** Undefined for a request without a prompt, which asks for nothing but the model to be loaded. */
export function generateQuestion(request: GenerateRequest, contextSize: number): Question | undefined {
  const { prompt, system } = request
  if (request.suffix) throw unserved('A suffix', 'the model answers; it does not fill gaps in text')
  if (request.raw) throw unserved('A raw prompt', 'prompts go through the chat template of the model')
  if (!prompt && !request.images?.length) return undefined
  requireText(prompt ?? '', 'prompt')
  const user: Message = {
    role: 'user',
    parts: [...picturesOf(request.images, 'images'), { type: 'text', text: prompt ?? '', field: 'prompt' }],
  }
  const before: Message[] = system
    ? [{ role: 'system', parts: [{ type: 'text', text: system, field: 'system' }] }]
    : []
  return { messages: [...before, user], ...settingsOf(request, contextSize) }
}

export function chatQuestion(request: ChatRequest, contextSize: number): Question | undefined {
  if (request.tools?.length) {
    throw unserved(
      'Calling tools',
      'vision models of this size do not call them reliably; use format instead',
    )
  }
  if (!request.messages?.length) return undefined
  const messages = request.messages.map(({ role, content, images }, index): Message => {
    const field = `messages/${index}`
    const text: Part = { type: 'text', text: content ?? '', field: `${field}/content` }
    return { role, parts: [...picturesOf(images, `${field}/images`), text] }
  })
  return { messages, ...settingsOf(request, contextSize) }
}

const unserved = (feature: string, reason: string): Failure => failure('not_supported', { feature, reason })

function settingsOf(
  { format, options }: Pick<ChatRequest, 'format' | 'options'>,
  contextSize: number,
): Omit<Question, 'messages'> {
  const { num_predict, seed, stop, presence_penalty, frequency_penalty, ...asked } = options ?? {}
  const tokens = num_predict == null || num_predict < 0 ? contextSize : Math.max(1, num_predict)
  if (typeof format === 'string' && format !== '' && format !== 'json') {
    throw failure('unknown_choice', {
      field: 'format',
      expected: 'json or a JSON Schema',
      actual: String(format).slice(0, 40),
    })
  }
  return {
    detail: 'auto',
    pages: 1,
    sampling: {
      max_tokens: Math.min(tokens, contextSize),
      temperature: asked.temperature ?? defaults.temperature,
      top_p: asked.top_p ?? defaults.top_p,
      top_k: asked.top_k ?? defaults.top_k,
      min_p: asked.min_p ?? defaults.min_p,
      repeat_penalty: asked.repeat_penalty ?? defaults.repeat_penalty,
      ...(presence_penalty == null ? {} : { presence_penalty }),
      ...(frequency_penalty == null ? {} : { frequency_penalty }),
      // The engine's seeds have 32 bits.
      ...(seed == null ? {} : { seed: seed >>> 0 }),
      stop: listOf(stop),
    },
    json: format === 'json' ? true : format || undefined,
  }
}

/** Where the two routes differ: the name and shape of the text. */
export type Wording = { model: string; text: (text: string) => object }

export const chatWording = (model: string): Wording => ({
  model,
  text: (content) => ({ message: { role: 'assistant', content } }),
})

export const generateWording = (model: string): Wording => ({ model, text: (response) => ({ response }) })

const head = ({ model, text }: Wording, words: string) => ({
  model,
  created_at: new Date().toISOString(),
  ...text(words),
})

const nanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6)

/** The whole answer, or with an empty text the last line of a stream. */
export function finalBody(wording: Wording, outcome: Outcome, text = outcome.text) {
  const { usage, timings, finishReason } = outcome
  return {
    ...head(wording, text),
    done: true,
    done_reason: finishReason,
    total_duration: nanoseconds(timings.total),
    // The model is loaded before any request; what a request may wait for is its turn.
    load_duration: nanoseconds(timings.queue),
    prompt_eval_count: usage.prompt_tokens,
    prompt_eval_duration: nanoseconds(timings.prompt),
    eval_count: usage.completion_tokens,
    eval_duration: nanoseconds(timings.generation),
  }
}

/** The answer to a request that only wants the model loaded. */
export const loadedBody = (wording: Wording) => ({ ...head(wording, ''), done: true, done_reason: 'load' })

export function lines(wording: Wording): Dialect {
  const line = (body: object) => `${JSON.stringify(body)}\n`
  const words = (text: string) => line({ ...head(wording, text), done: false })
  return {
    mediaType: 'application/x-ndjson',
    progress: (progress) => (progress.type === 'token' ? words(progress.text) : ''),
    done: (outcome) => line(finalBody(wording, outcome, '')),
    failed: (error) => line(errorBody(error)),
    // Their clients parse every line, so a sign of life is a word of no letters.
    heartbeat: () => words(''),
  }
}

export const errorBody = (error: Failure) => ({ error: error.message })
