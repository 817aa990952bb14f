/**
 * The engine's HTTP interface over its UNIX socket. Chat always streams: headers come at once, no timeout of the HTTP
 * client can fire during a long picture, and a stream that ends without its finish is known to be cut off.
 */
import { Agent } from 'undici'
import { Failure, failure } from '../errors.ts'
import { createConduct, type Heard, type Settled } from './conduct.ts'
import {
  type ChatBody,
  type ChatEvent,
  chatEvents,
  type Likelihood,
  likelihoodsOf,
  refusal,
  requestBytes,
  textOf,
  type Wanted,
} from './wire.ts'

export type EngineClient = ReturnType<typeof createEngineClient>

type Slot = { is_processing: boolean }

export type EngineProperties = {
  modalities?: { vision?: boolean }
  model_alias?: string
}

const origin = 'http://engine'
const settlePollMs = 50
/** An engine that has not let go by then is wedged, which is for the supervisor's watchdog to mend. */
const settleLimitMs = 120_000

export function createEngineClient(socketPath: string, heard: Heard = {}) {
  // The engine closes idle connections after 5 s and after 100 requests; reused ones would race with that.
  const agent = new Agent({
    connect: { socketPath },
    headersTimeout: 0,
    bodyTimeout: 0,
    // A connection for each question.
    pipelining: 0,
    connections: null,
  })
  const conduct = createConduct(heard)

  async function get<Body>(path: string, timeoutMs: number): Promise<{ status: number; body: Body }> {
    const response = await agent.request({
      origin,
      path,
      method: 'GET',
      signal: AbortSignal.timeout(timeoutMs),
    })
    return { status: response.statusCode, body: JSON.parse(await textOf(response.body)) as Body }
  }

  /** The body of a 200. Throws a typed failure for any other answer. */
  async function post(path: string, body: ChatBody, signal: AbortSignal, wanted: Wanted = 'stream') {
    const response = await agent.request({
      origin,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: requestBytes(body, wanted),
      signal,
    })
    if (response.statusCode !== 200) throw refusal(response.statusCode, await textOf(response.body))
    return response.body
  }

  async function busySlots(timeoutMs = 5000): Promise<number> {
    const { body } = await get<Slot[]>('/slots', timeoutMs)
    return body.filter((slot) => slot.is_processing).length
  }

  async function untilSettled(): Promise<Settled> {
    const limit = performance.now() + settleLimitMs
    while (performance.now() < limit) {
      // Who is late to answer still works; who can't be asked is gone.
      const busy = await busySlots().catch((error) => (isTimeout(error) ? Number.NaN : undefined))
      if (busy === undefined) return 'engine ended'
      if (busy < conduct.held.size) return 'given up'
      await new Promise((resolve) => setTimeout(resolve, settlePollMs))
    }
    return 'engine ended'
  }

  /**
   * Streams one answer. Throws a typed failure, or the signal's reason once it fires. `onSettled` is called when the
   * engine has let go of the request: after an abort within a fraction of a second, which it takes to look.
   * `expectedMs` is how long the engine may say nothing, by what it took before.
   */
  async function* chat(
    body: ChatBody,
    signal: AbortSignal,
    onSettled: (settled: Settled) => void,
    expectedMs?: number,
  ): AsyncGenerator<ChatEvent> {
    const request = conduct.take(expectedMs)
    let settled: Settled | undefined
    try {
      for await (const event of chatEvents(
        await post('/v1/chat/completions', body, signal),
        body.max_tokens,
      )) {
        request.heardAt = performance.now()
        yield event
      }
      settled = 'answered'
    } catch (error) {
      signal.throwIfAborted()
      const failed = asFailure(error)
      if (failed.code === 'engine_crashed' || failed.code === 'engine_error') conduct.failed()
      else settled = 'answered'
      // It was gone before: what ended it was another request, if any.
      if (wasUnreachable(error)) settled = 'given up'
      throw failed
    } finally {
      if (settled === 'answered') conduct.answered()
      const settle = (how: Settled) => {
        conduct.letGo(request, how)
        onSettled(how)
      }
      if (settled) settle(settled)
      else void untilSettled().then(settle)
    }
  }

  /** The likeliest first tokens of an answer, the likeliest first. Throws a typed failure, or the signal's reason. */
  async function firstTokens(body: ChatBody, signal: AbortSignal): Promise<Likelihood[]> {
    try {
      return likelihoodsOf(
        JSON.parse(await textOf(await post('/v1/chat/completions', body, signal, 'first tokens'))),
      )
    } catch (error) {
      signal.throwIfAborted()
      throw asFailure(error)
    }
  }

  /** Tokens of the whole prompt, pictures included, without working on any of it. */
  async function countTokens(body: ChatBody, signal: AbortSignal): Promise<number> {
    try {
      const answer = JSON.parse(await textOf(await post('/v1/chat/completions/input_tokens', body, signal)))
      return (answer as { input_tokens: number }).input_tokens
    } catch (error) {
      signal.throwIfAborted()
      throw asFailure(error)
    }
  }

  return {
    /** HTTP status of the engine's own health: 200 once the model is loaded, 503 before. */
    health: async (timeoutMs = 2000) => (await get('/health', timeoutMs)).status,
    properties: async (timeoutMs = 5000) => (await get<EngineProperties>('/props', timeoutMs)).body,
    busySlots,
    chat,
    countTokens,
    firstTokens,
    conduct,
    close: () => agent.destroy(),
  }
}

const isTimeout = (error: unknown): boolean => (error as Error).name === 'TimeoutError'

const wasUnreachable = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')

/** Whatever breaks a connection to the engine is the engine's end. */
const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : failure('engine_crashed', {}, { cause: error })
