/**
 * The requests of `pull`: redirects are followed one by one, the token stays with the host that it is for, passing
 * trouble is tried again and every refusal is a sentence. Addresses are told without their query, which may be secret.
 *
 * undici's interceptors would not make this shorter (tried with 7.30). `redirect` keeps the token to its host, but goes
 * from https to http and hides the headers of hops, one of which bears the checksum: to refuse and to read these takes
 * an interceptor of our own beneath it. `retry` joins the halves of two files where there is no etag and gives up where
 * a file changed or the server knows no ranges; how often it tries, and whether after a silence, could be set.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Dispatcher, request } from 'undici'
import { sourceName } from '../model/source-name.ts'
import { redirectLocation } from '../net/redirects.ts'
import { reasonOf } from '../trouble.ts'

/** What another try would not mend. The message is for a person. */
export class PullProblem extends Error {
  override readonly name = 'PullProblem'
}

/** Passing trouble: the same request may succeed after `waitMs`, if the server named a time. */
export class Setback extends Error {
  override readonly name = 'Setback'
  readonly waitMs: number | undefined

  constructor(message: string, waitMs?: number) {
    super(message)
    this.waitMs = waitMs
  }
}

export type Web = {
  signal: AbortSignal
  /** Origin to which `token` is sent; no other ever sees it. Undefined where there is none that could be sent. */
  tokenOrigin: string | undefined
  token: string | undefined
  /** Longest silence of a server, in milliseconds. */
  idleMs: number
  /** Milliseconds before the second try; each further one waits twice as long. */
  pauseMs: number
}

/** `sha256` is what a hop on the way gave in `x-linked-etag`, as Hugging Face does. */
export type FileResponse = Dispatcher.ResponseData & { sha256: string | undefined }

const maxTries = 5
const maxRedirects = 5
const maxRetryAfterMs = 60_000
const maxJsonBytes = 16 * 1024 ** 2
const passingStatuses = [408, 425, 429]

/** Ends an answer whose further bytes are of no use: to read on would wait for a server that stands still. */
export const leave = (body: FileResponse['body']): void => {
  // What it then says, that it was ended, is known.
  body.on('error', () => {}).destroy()
}

/** An address as it may be told and kept. */
export const shown = (address: string | URL): string => sourceName(String(address))

/** `text` as a SHA-256 in lower case, if it is one. */
export const asSha256 = (text: string | undefined): string | undefined =>
  text && /^[0-9a-f]{64}$/i.test(text) ? text.toLowerCase() : undefined

/** A weak etag promises the same meaning, not the same bytes. */
export const strongEtag = ({ etag }: FileResponse['headers']): string | undefined =>
  typeof etag === 'string' && etag.startsWith('"') ? etag : undefined

/**
 * One request and its redirects. The answer's body must be read or left; its status is 200, 206, 416 or another
 * success. Throws `PullProblem` when the server refuses for good and `Setback` when it may think otherwise later.
 */
export async function visit(
  web: Web,
  address: string,
  method: 'GET' | 'HEAD' = 'GET',
  headers: Record<string, string> = {},
): Promise<FileResponse> {
  let url = new URL(address)
  let sha256: string | undefined
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const authorization = url.origin === web.tokenOrigin && web.token ? `Bearer ${web.token}` : undefined
    const answer = await request(url, {
      method,
      // Compressed bytes would be neither what the sizes nor what the checksums are of.
      headers: { 'accept-encoding': 'identity', ...headers, ...(authorization && { authorization }) },
      signal: web.signal,
      headersTimeout: web.idleMs,
      bodyTimeout: web.idleMs,
    })
    sha256 ??= asSha256(String(answer.headers['x-linked-etag']).replaceAll('"', ''))
    const { statusCode: status } = answer
    if ((status >= 200 && status < 300) || status === 416) return { ...answer, sha256 }
    leave(answer.body)
    const location = redirectLocation(status, answer.headers)
    if (location === undefined) throw refusal(web, url, answer)
    url = redirected(url, location)
  }
  throw new PullProblem(`${shown(address)} redirects more than ${maxRedirects} times`)
}

function redirected(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (!to || !location || !/^https?:$/.test(to.protocol)) {
    throw new PullProblem(`${shown(from)} redirects to no address that can be fetched`)
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new PullProblem(`${shown(from)} redirects from https to plain http at ${to.host}; that is refused`)
  }
  return to
}

function refusal(web: Web, url: URL, { statusCode: status, headers }: Dispatcher.ResponseData): Error {
  const answers = `${shown(url)} answers ${status}`
  if (status >= 500 || passingStatuses.includes(status))
    return new Setback(answers, retryAfterMs(headers['retry-after']))
  const sentences: Record<number, string> = {
    401: `asks for a login (401). ${loginAdvice(web, url)}`,
    403: 'is refused (403); where a model is gated, accept its terms on its page first',
    404: 'does not exist (404)',
  }
  return new PullProblem(status in sentences ? `${shown(url)} ${sentences[status]}` : answers)
}

function loginAdvice(web: Web, url: URL): string {
  if (web.tokenOrigin === undefined) return 'None can be given'
  if (url.origin !== web.tokenOrigin) return `None can be given: HF_TOKEN is sent to ${web.tokenOrigin} only`
  return web.token
    ? 'HF_TOKEN is not accepted: set HF_TOKEN to a token that may read it, and check the name'
    : 'If the name is right, set HF_TOKEN to a token that may read it'
}

/** Given in seconds or as a date. */
function retryAfterMs(header: unknown): number | undefined {
  const text = String(header)
  const milliseconds = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return Number.isNaN(milliseconds) ? undefined : Math.min(Math.max(0, milliseconds), maxRetryAfterMs)
}

/**
 * Runs `attempt` until it succeeds, at most five times in a row without `progressed()`. Throws the signal's reason once
 * that fires, and `PullProblem` for all else.
 */
export async function retrying<Result>(
  web: Web,
  what: string,
  attempt: () => Promise<Result>,
  progressed: () => Promise<boolean> = async () => false,
): Promise<Result> {
  for (let failures = 0; ; ) {
    try {
      return await attempt()
    } catch (error) {
      web.signal.throwIfAborted()
      if (error instanceof PullProblem) throw error
      failures = (await progressed()) ? 1 : failures + 1
      if (failures === maxTries) {
        throw new PullProblem(`${what} failed ${maxTries} times, at last with: ${reasonOf(error)}`, {
          cause: error,
        })
      }
      const askedMs = error instanceof Setback ? error.waitMs : undefined
      const waitMs = askedMs ?? web.pauseMs * 2 ** (failures - 1)
      await sleep(waitMs, undefined, { signal: web.signal }).catch(() => web.signal.throwIfAborted())
    }
  }
}

/** A JSON document, and the address of the next page where there is one. Throws as `retrying` does. */
export async function readJson(
  web: Web,
  address: string,
  accept = 'application/json',
): Promise<{ json: unknown; next: string | undefined }> {
  return await retrying(web, shown(address), async () => {
    const { headers, body } = await visit(web, address, 'GET', { accept })
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxJsonBytes) throw new PullProblem(`${shown(address)} answers with more than a listing`)
      chunks.push(chunk)
    }
    try {
      const json: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
      return { json, next: nextPage(address, String(headers.link)) }
    } catch (error) {
      if (error instanceof PullProblem) throw error
      throw new PullProblem(`${shown(address)} does not answer in JSON; is it the right address?`)
    }
  })
}

/** A list does not lead elsewhere: what it names is fetched with the token that it was asked with. */
function nextPage(address: string, link: string): string | undefined {
  const next = /<([^>]+)>;\s*rel="?next"?/.exec(link)?.[1]
  if (!next) return undefined
  if (URL.canParse(next, address) && new URL(next, address).origin === new URL(address).origin)
    return new URL(next, address).href
  throw new PullProblem(`${shown(address)} names another place for the rest of its list; that is refused`)
}
