/**
 * llama-server's chat as it is on the wire: the request as bytes, the stream as events, a refusal in our words. Its other
 * types live in `client.ts`.
 */
import { randomUUID } from 'node:crypto'
import { createParser } from 'eventsource-parser'
import { type Failure, failure } from '../errors.ts'

export type ContentPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } }

/** The part of llama-server's chat request that we use. */
export type ChatBody = {
  messages: { role: 'system' | 'user' | 'assistant'; content: string | ContentPart[] }[]
  max_tokens: number
  temperature: number
  top_p?: number
  top_k?: number
  min_p?: number
  repeat_penalty?: number
  repeat_last_n?: number
  presence_penalty?: number
  frequency_penalty?: number
  seed?: number
  stop?: string[]
  response_format?:
    | { type: 'json_object' }
    | { type: 'json_schema'; json_schema: { name: string; schema: object } }
}

export type FinishReason = 'stop' | 'length'

export type ChatUsage = { prompt_tokens: number; completion_tokens: number; total_tokens: number }

/** Milliseconds and counts as the engine took them; `prompt_ms` includes the picture, `cache_n` are tokens reused. */
export type ChatTimings = {
  cache_n: number
  prompt_ms: number
  predicted_ms: number
  predicted_per_second: number
}

export type ChatEvent =
  /** Prompt tokens done so far, `cached` of them before. */
  | { type: 'prompt'; processed: number; cached: number; total: number }
  /** Layers of the tower done of those that the pictures of the prompt take; not told by all towers. */
  | { type: 'picture'; done: number; total: number }
  | { type: 'text'; text: string }
  | { type: 'end'; finishReason: FinishReason; usage: ChatUsage; timings: ChatTimings }

/** A token that an answer may begin with; `logprob` is no number when the model's arithmetic is broken. */
export type Likelihood = { token: string; logprob: number }

/** What a request is made for: an answer while it is made, or what it may begin with. */
export type Wanted = 'stream' | 'first tokens'

const wants = {
  stream: { stream: true, stream_options: { include_usage: true }, return_progress: true },
  'first tokens': { logprobs: true, top_logprobs: 5 },
} satisfies Record<Wanted, object>

type EngineError = { error?: { message?: string; type?: string; n_prompt_tokens?: number; n_ctx?: number } }

type Chunk = EngineError & {
  choices?: { delta?: { content?: string | null }; finish_reason?: FinishReason | null }[]
  usage?: ChatUsage
  timings?: ChatTimings
  prompt_progress?: {
    total: number
    cache: number
    processed: number
    media?: { done: number; total: number }
  }
}

/**
 * The request as bytes. A data URL holds nothing that JSON would escape, so it goes in as it is: to have it searched
 * for such characters takes 8 ms of the event loop for a picture of 4 MB. Only the pictures of messages are ours;
 * whatever a schema holds, be it keys of the same names, is data and is escaped.
 */
export function requestBytes({ messages, ...settings }: ChatBody, wanted: Wanted): Buffer {
  // Stands for a picture while the rest becomes JSON. Random, so that nothing of a caller's can hold it.
  const mark = randomUUID()
  const urls: string[] = []
  const marked = (part: ContentPart): ContentPart => {
    if (part.type !== 'image_url') return part
    urls.push(part.image_url.url)
    return { type: 'image_url', image_url: { url: mark } }
  }
  const json = JSON.stringify({
    messages: messages.map(({ role, content }) => ({
      role,
      content: typeof content === 'string' ? content : content.map(marked),
    })),
    ...settings,
    ...wants[wanted],
  })
  const pieces = json.split(mark)
  return Buffer.concat(
    pieces.flatMap((piece, index) => [Buffer.from(piece), Buffer.from(urls[index] ?? '', 'latin1')]),
  )
}

/** A token's event is some hundred bytes; there are about as many events of the prompt's progress. */
const mostBytes = (maxTokens: number): number => 1024 ** 2 + maxTokens * 4096

/** A picture's layers are told ten times a second at most, in some 350 bytes: enough for an hour. */
const mostPictureBytes = 16 * 1024 ** 2

/**
 * The engine's stream as events. A stream without a finish was cut off, however cleanly it closed; one that goes on
 * far beyond `maxTokens` is given up.
 */
export async function* chatEvents(
  body: AsyncIterable<Uint8Array>,
  maxTokens: number,
): AsyncGenerator<ChatEvent> {
  let bytesLeft = mostBytes(maxTokens)
  let pictureBytesLeft = mostPictureBytes
  const told: string[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== '[DONE]') told.push(data)
    },
  })
  const decoder = new TextDecoder()
  let finishReason: FinishReason | undefined
  let ended = false
  for await (const bytes of body) {
    bytesLeft -= bytes.length
    if (bytesLeft < 0) throw failure('engine_error', {}, { cause: 'The stream does not end' })
    parser.feed(decoder.decode(bytes, { stream: true }))
    for (const data of told.splice(0)) {
      // Only now, so that what came before something broken is heard.
      const chunk = JSON.parse(data) as Chunk
      if (chunk.error) throw failure('engine_error', {}, { cause: chunk.error.message })
      if (chunk.prompt_progress) {
        const { processed, cache, total, media } = chunk.prompt_progress
        if (media) {
          // Pictures that take minutes must not use up the room of their answer.
          bytesLeft += data.length
          pictureBytesLeft -= data.length
          if (pictureBytesLeft < 0) throw failure('engine_error', {}, { cause: 'The picture does not end' })
          yield { type: 'picture', done: media.done, total: media.total }
        } else yield { type: 'prompt', processed, cached: cache, total }
      }
      const choice = chunk.choices?.[0]
      if (choice?.delta?.content) yield { type: 'text', text: choice.delta.content }
      finishReason = choice?.finish_reason ?? finishReason
      if (chunk.usage && chunk.timings && finishReason) {
        ended = true
        yield { type: 'end', finishReason, usage: chunk.usage, timings: chunk.timings }
      }
    }
  }
  if (!ended) throw failure('engine_crashed', {}, { cause: 'The stream ended without a finish' })
}

/** Of an answer in one piece; the longest is that to `/props`, with the model's chat template. */
const mostTextBytes = 8 * 1024 ** 2

/** What is no stream of events; one that goes on without end is given up. */
export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytesLeft = mostTextBytes
  for await (const piece of body) {
    bytesLeft -= piece.length
    if (bytesLeft < 0) throw failure('engine_error', {}, { cause: 'The answer does not end' })
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

/** From an answer that was made for its first tokens; empty when it holds none. */
export function likelihoodsOf(answer: unknown): Likelihood[] {
  type Listed = { token?: string; logprob?: number | null }
  type Body = { choices?: { logprobs?: { content?: { top_logprobs?: Listed[] }[] } }[] }
  const listed = (answer as Body | null)?.choices?.[0]?.logprobs?.content?.[0]?.top_logprobs ?? []
  // JSON has no word for NaN and infinity: they come as null.
  return listed.map(({ token = '', logprob }) => ({ token, logprob: logprob ?? Number.NaN }))
}

/** How it names a setting that it does not take, as a request's field or as its samplers know it. */
const namedSetting = /^(?:Field '(\w+)'|Failed to initialize samplers: (\w+))/

const ourNames: Readonly<Record<string, string>> = {
  n_predict: 'max_tokens',
  penalty_repeat: 'repeat_penalty',
  penalty_freq: 'frequency_penalty',
  penalty_present: 'presence_penalty',
}

/** An answer other than 200, in our words. The engine's own tell paths and flags: they go to the log only. */
export function refusal(status: number, body: string): Failure {
  const error = parsed(body)?.error
  const cause = error?.message ?? body.slice(0, 500)
  if (error?.type === 'exceed_context_size_error') {
    const facts = { field: 'prompt', actual: error.n_prompt_tokens ?? 0, limit: error.n_ctx ?? 0 }
    return failure('context_exceeded', facts, { cause })
  }
  if (status === 400 && /grammar|schema|parser generation/i.test(cause)) {
    return failure(
      'invalid_json_schema',
      { field: 'json_schema', reason: 'the engine cannot hold an answer to it' },
      { cause },
    )
  }
  const setting = status === 400 && namedSetting.exec(cause)
  if (setting) {
    const name = setting[1] ?? setting[2] ?? ''
    return failure('setting_refused', { field: ourNames[name] ?? name }, { cause })
  }
  // Where it counts tokens it takes a picture's fault for one of its own; what it cannot cut into tokens is a picture too.
  if ([400, 500].includes(status) && /^Failed to (load image|tokenize prompt)/.test(cause))
    return failure('image_refused', { field: 'image' }, { cause })
  if (/Jinja Exception/.test(cause))
    return failure(
      'request_refused',
      { reason: 'the template of the model has no place for these messages' },
      { cause },
    )
  if (status === 400)
    return failure('request_refused', { reason: 'the log of the service has its words' }, { cause })
  if (status === 503)
    return failure('engine_loading', { reason: 'it is loading' }, { cause, retryAfterSeconds: 5 })
  return failure('engine_error', {}, { cause })
}

function parsed(body: string): EngineError | undefined {
  try {
    return JSON.parse(body) as EngineError
  } catch {
    return undefined
  }
}
