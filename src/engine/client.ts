/**
 * The engine's HTTP interface over its UNIX socket. Chat always streams: headers come at once, no timeout of the HTTP
 * client can fire during a long picture, and a stream that ends without its finish is known to be cut off.
 */
import { Agent } from 'undici'
import { Failure, failure } from '../errors.ts'
import { type ChatBody, type ChatEvent, chatEvents, refusal, requestBytes } from './wire.ts'

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

/** Whatever breaks a connection to the engine is the engine's end. */
const asFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : failure('engine_crashed', {}, { cause: error })
