/**
 * The engine's HTTP interface over its UNIX socket. llama-server's wire types live here and nowhere else. Chat always
 * streams: headers come at once, no timeout of the HTTP client can fire during a long picture, and a stream that ends
 * without its finish is known to be cut off.
 */
import { randomUUID } from 'node:crypto'
import { createParser } from 'eventsource-parser'
import { Agent, type Dispatcher } from 'undici'
import { Failure, failure } from '../errors.ts'

export type EngineClient = ReturnType<typeof createEngineClient>

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
  /** Prompt tokens done so far, `cached` of them before; nothing is told while a picture is worked on. */
  | { type: 'prompt'; processed: number; cached: number; total: number }
  | { type: 'text'; text: string }
  | { type: 'end'; finishReason: FinishReason; usage: ChatUsage; timings: ChatTimings }

type EngineError = { error?: { message?: string; type?: string; n_prompt_tokens?: number; n_ctx?: number } }

type Chunk = EngineError & {
  choices?: { delta?: { content?: string | null }; finish_reason?: FinishReason | null }[]
  usage?: ChatUsage
  timings?: ChatTimings
  prompt_progress?: { total: number; cache: number; processed: number }
}

type Slot = { is_processing: boolean }

export type EngineProperties = {
  modalities?: { vision?: boolean }
  model_alias?: string
}

const origin = 'http://engine'
const settlePollMs = 50
/** An engine that has not let go by then is wedged, which is for the supervisor's watchdog to mend. */
const settleLimitMs = 120_000

export function createEngineClient(socketPath: string) {
  // The engine closes idle connections after 5 s and after 100 requests; reused ones would race with that.
  const agent = new Agent({
    connect: { socketPath },
    headersTimeout: 0,
    bodyTimeout: 0,
    pipelining: 0,
    connections: null,
  })
  let chatsUnderWay = 0

  async function get<Body>(path: string, timeoutMs: number): Promise<{ status: number; body: Body }> {
    const response = await agent.request({
      origin,
      path,
      method: 'GET',
      reset: true,
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: response.statusCode, body: (await response.body.json()) as Body }
  }

  /** The body of a 200. Throws a typed failure for any other answer. */
  async function post(path: string, body: ChatBody, signal: AbortSignal) {
    const response = await agent.request({
      origin,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: requestBytes(body),
      reset: true,
      signal,
    })
    if (response.statusCode !== 200) throw refusal(response.statusCode, await response.body.text())
    return response.body
  }

  async function busySlots(): Promise<number> {
    const { body } = await get<Slot[]>('/slots', 5000)
    return body.filter((slot) => slot.is_processing).length
  }

  async function untilSettled(): Promise<void> {
    const limit = performance.now() + settleLimitMs
    while (performance.now() < limit) {
      // An engine that does not answer any more has let go too.
      const busy = await busySlots().catch(() => 0)
      if (busy < chatsUnderWay) return
      await new Promise((resolve) => setTimeout(resolve, settlePollMs))
    }
  }

  /**
   * Streams one answer. Throws a typed failure, or the signal's reason once it fires. `onSettled` is called when the
   * engine has let go of the request: late after an abort, because the engine finishes a picture before it looks.
   */
  async function* chat(
    body: ChatBody,
    signal: AbortSignal,
    onSettled: () => void,
  ): AsyncGenerator<ChatEvent> {
    chatsUnderWay += 1
    let engineIsDone = false
    try {
      yield* chatEvents(await post('/v1/chat/completions', body, signal))
      engineIsDone = true
    } catch (error) {
      signal.throwIfAborted()
      engineIsDone = error instanceof Failure && error.code !== 'engine_crashed'
      throw asFailure(error)
    } finally {
      const settle = () => {
        chatsUnderWay -= 1
        onSettled()
      }
      if (engineIsDone) settle()
      else void untilSettled().then(settle)
    }
  }

  /** Tokens of the whole prompt, pictures included, without working on any of it. */
  async function countTokens(body: ChatBody, signal: AbortSignal): Promise<number> {
    try {
      const answer = await (await post('/v1/chat/completions/input_tokens', body, signal)).json()
      return (answer as { input_tokens: number }).input_tokens
    } catch (error) {
      signal.throwIfAborted()
      throw asFailure(error)
    }
  }

  return {
    /** HTTP status of the engine's own health: 200 once the model is loaded, 503 before. */
    health: async () => (await get('/health', 2000)).status,
    properties: async () => (await get<EngineProperties>('/props', 5000)).body,
    busySlots,
    chat,
    countTokens,
    close: () => agent.destroy(),
  }
}

/**
 * The request as bytes. A data URL holds nothing that JSON would escape, so it goes in as it is: to have it searched
 * for such characters takes 8 ms of the event loop for a picture of 4 MB. Only the pictures of messages are ours;
 * whatever a schema holds, be it keys of the same names, is data and is escaped.
 */
function requestBytes({ messages, ...settings }: ChatBody): Buffer {
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
    stream: true,
    stream_options: { include_usage: true },
    return_progress: true,
  })
  const pieces = json.split(mark)
  return Buffer.concat(
    pieces.flatMap((piece, index) => [Buffer.from(piece), Buffer.from(urls[index] ?? '', 'latin1')]),
  )
}

/** The engine's stream as events. A stream without a finish was cut off, however cleanly it closed. */
async function* chatEvents(body: Dispatcher.ResponseData['body']): AsyncGenerator<ChatEvent> {
  const chunks: Chunk[] = []
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== '[DONE]') chunks.push(JSON.parse(data) as Chunk)
    },
  })
  const decoder = new TextDecoder()
  let finishReason: FinishReason | undefined
  let ended = false
  for await (const bytes of body) {
    parser.feed(decoder.decode(bytes, { stream: true }))
    for (const chunk of chunks.splice(0)) {
      if (chunk.error) throw failure('engine_error', {}, { cause: chunk.error.message })
      if (chunk.prompt_progress) {
        const { processed, cache, total } = chunk.prompt_progress
        yield { type: 'prompt', processed, cached: cache, total }
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

/** Whatever breaks a connection to the engine is the engine's end. */
const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : failure('engine_crashed', {}, { cause: error })

/** An answer other than 200, in our words. The engine's own tell paths and flags: they go to the log only. */
function refusal(status: number, body: string): Failure {
  const error = parsed(body)?.error
  const cause = error?.message ?? body.slice(0, 500)
  if (error?.type === 'exceed_context_size_error') {
    const facts = { field: 'prompt', actual: error.n_prompt_tokens ?? 0, limit: error.n_ctx ?? 0 }
    return failure('context_exceeded', facts, { cause })
  }
  if (status === 400 && /grammar|schema/i.test(cause)) {
    return failure(
      'invalid_json_schema',
      { field: 'json_schema', reason: 'the engine cannot hold an answer to it' },
      { cause },
    )
  }
  // Beside a schema, a picture is the only thing that the engine can still find fault with.
  if (status === 400) return failure('image_refused', { field: 'image' }, { cause })
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
