/** A client of the service for the commands: one question, answered in events. */
import { createParser } from 'eventsource-parser'
import { FormData, fetch } from 'undici'
import type { InferResponse } from '../doors/infer/schema.ts'
import type { ErrorResponse } from '../http/error-response.ts'

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

/** The service's own refusal; `retryAfterSeconds` is set when it said when to come back. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: string
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, code: string, retryAfterSeconds?: number) {
    super(message)
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
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
  const response = await fetch(`${url}/infer`, {
    method: 'POST',
    body,
    signal,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  })
  if (!response.ok || !response.body) throw await refusalOf(response)
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
  for await (const bytes of response.body) parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }))
  if (refusal) throw refusal
  if (!answer) throw new Error('The service closed the connection before the answer was whole')
  return answer
}

async function refusalOf(response: Awaited<ReturnType<typeof fetch>>): Promise<Refusal> {
  const text = await response.text()
  const after = Number(response.headers.get('retry-after'))
  try {
    return refusalFrom(JSON.parse(text) as ErrorResponse)
  } catch {
    // A proxy's own, for example.
    const sentence = `The service answered with status ${response.status}`
    return new Refusal(sentence, 'unknown', after > 0 ? after : undefined)
  }
}

const refusalFrom = ({ error, details }: ErrorResponse): Refusal =>
  new Refusal(error, details.code, details.retry_after_seconds)
