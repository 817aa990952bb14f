/** A client of the service for the commands: one question, answered in events. */
import { createParser } from 'eventsource-parser'
import { type Dispatcher, FormData, request } from 'undici'
import type { InferResponse } from '../doors/infer/schema.ts'
import type { ErrorResponse } from '../http/error-response.ts'
import { reasonOf } from '../trouble.ts'

export type AskOptions = {
  /** Of the service, without a path. */
  url: string
  key: string | undefined
  /** Fields of `POST /infer` beside picture and prompt, as texts. */
  fields: Record<string, string>
  signal: AbortSignal
}

export type Heard =
  | { event: 'queued'; data: { position: number; seconds_left: number | null } }
  | {
      event: 'progress'
      data:
        | {
            stage: 'image'
            done: number
            total: number
            image: { width: number; height: number; tiles: number | null }
          }
        | { stage: 'picture'; done: number; total: number; seconds_left: number }
        | { stage: 'prompt'; seconds_left: number | null }
    }
  | { event: 'token'; data: { text: string } }

type RefusalFacts = {
  /** One of the service's, or `unknown` where somebody in front of it answered. */
  code: string
  /** Set when it said when to come back. */
  retryAfterSeconds: number | undefined
  /** Of HTTP; undefined where an answer had begun. */
  status: number | undefined
}

/** The service's own refusal, or that of a proxy in front of it. */
export class Refusal extends Error implements RefusalFacts {
  override readonly name = 'Refusal'
  readonly code: string
  readonly retryAfterSeconds: number | undefined
  readonly status: number | undefined

  constructor(message: string, { code, retryAfterSeconds, status }: RefusalFacts) {
    super(message)
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
    this.status = status
  }
}

/**
 * Asks and reports what is heard on the way. `picture` is one as bytes, or several as texts that the service reads: base64,
 * data URLs, addresses. Rejects with a `Refusal`, or whatever keeps the service from being reached.
 */
export async function ask(
  picture: Blob | readonly string[],
  prompt: string,
  { url, key, fields, signal }: AskOptions,
  onHeard: (heard: Heard) => void = () => {},
): Promise<InferResponse> {
  const body = new FormData()
  body.set('prompt', prompt)
  body.set('stream', 'true')
  for (const [name, value] of Object.entries(fields)) body.set(name, value)
  if (picture instanceof Blob) body.set('image', picture, 'picture')
  else for (const one of picture) body.append(picture.length === 1 ? 'image' : 'images', one)
  if (key !== undefined && !/^[!-~]+$/.test(key))
    throw new Error('The API key holds a space or another character that no header can carry')
  /** Who gave up is told that instead. */
  const fail = (what: string, error: unknown): never => {
    signal.throwIfAborted()
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error })
  }
  // Not by `fetch`, which keeps away from some ports.
  const response = await request(`${url}/infer`, {
    method: 'POST',
    body,
    signal,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  }).catch((error) => fail(`No answer from ${url}`, error))
  if (response.statusCode !== 200) throw await refusalOf(url, response)
  const type = String(response.headers['content-type'] ?? 'nothing')
  if (!type.startsWith('text/event-stream')) {
    // Whatever it is may go on for ever; what it then says, that it was ended, is known.
    response.body.on('error', () => {}).destroy()
    throw new Error(`${url} is no llama-vision service: it answers with ${type}`)
  }
  let answer: InferResponse | undefined
  let refusal: Refusal | undefined
  const parser = createParser({
    onEvent: ({ event, data }) => {
      const value = JSON.parse(data)
      if (event === 'done') answer = value as InferResponse
      else if (event === 'error') refusal = refusalFrom(value as ErrorResponse)
      // The events are the service's documented ones.
      else onHeard({ event, data: value } as Heard)
    },
  })
  const decoder = new TextDecoder()
  try {
    for await (const bytes of response.body)
      parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }))
  } catch (error) {
    fail(`The answer from ${url} broke off`, error)
  }
  if (refusal) throw refusal
  if (!answer) throw new Error('The service closed the connection before the answer was whole')
  return answer
}

async function refusalOf(
  url: string,
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
): Promise<Refusal> {
  const retryAfterSeconds = secondsIn(String(headers['retry-after'] ?? ''))
  const text = await body.text()
  try {
    return refusalFrom(JSON.parse(text) as ErrorResponse, { retryAfterSeconds, status })
  } catch {
    const sentence = `${url} answered with status ${status}; is a llama-vision service there?`
    return new Refusal(sentence, { code: 'unknown', retryAfterSeconds, status })
  }
}

function refusalFrom(
  { error, details }: ErrorResponse,
  { retryAfterSeconds, status }: Partial<RefusalFacts> = {},
): Refusal {
  const seconds = details.retry_after_seconds ?? retryAfterSeconds
  return new Refusal(error, { code: details.code, retryAfterSeconds: seconds, status })
}

/** `Retry-After` has seconds or, from proxies, a date. */
function secondsIn(header: string): number | undefined {
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000
  return seconds >= 0 ? Math.max(1, Math.ceil(seconds)) : undefined
}
