/**
 * Bytes by address. What a caller names must not become a way into the operator's network: only listed hosts are
 * asked, only at public addresses, and each redirect is judged like a new request. A host is looked up once and the
 * connection goes to the very addresses that were checked, so a second, different answer of the DNS changes nothing.
 * The type that a server claims is ignored. What the bytes are for, and in which words a caller is told of a problem,
 * is the matter of who asked.
 */
import { lookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { Agent, type Dispatcher, errors } from 'undici'
import { type AllowList, covers, isPublicAddress, withoutRootDot } from './addresses.ts'
import { redirectLocation } from './redirects.ts'

export type Address = { address: string; family: number }

export type FetchRules = {
  /** An empty one permits nothing. */
  allow: AllowList
  /** Media types that are asked for, as in the header `Accept`. */
  accept: string
  /** Largest body, in bytes. */
  maxBytes: number
  /** Milliseconds for one connection, TLS included. */
  connectMs?: number
  /** Milliseconds for all of it: look-ups, redirects and the body. */
  totalMs?: number
  resolve?: (host: string) => Promise<Address[]>
  isAllowedAddress?: (address: string) => boolean
  /** Certificate authorities in PEM to trust in place of the system's. */
  ca?: string
}

type Settings = Required<Omit<FetchRules, 'ca'>> & Pick<FetchRules, 'ca'>

/**
 * Why there are no bytes: `refused` when the rules forbid the address, `failed` when the other side is at fault. The
 * message goes on from a name of the address, may be told to whoever named it, and tells of no other address.
 */
export class FetchProblem extends Error {
  override readonly name = 'FetchProblem'
  readonly kind: 'refused' | 'failed'

  constructor(kind: FetchProblem['kind'], message: string, cause?: unknown) {
    super(message, { cause })
    this.kind = kind
  }
}

const maxRedirects = 3
const maxUrlCharacters = 8192

const refused = (reason: string) => new FetchProblem('refused', reason)
const failed = (reason: string, cause?: unknown) => new FetchProblem('failed', reason, cause)

/**
 * Gives a function that answers the bytes behind an address. It throws a `FetchProblem`, and the signal's reason once
 * that fires.
 */
export function createFetcher(rules: FetchRules): (url: string, signal: AbortSignal) => Promise<Buffer> {
  const settings: Settings = {
    connectMs: 3000,
    totalMs: 10_000,
    resolve: (host) => lookup(host, { all: true }),
    isAllowedAddress: isPublicAddress,
    ...rules,
  }
  return async (url, signal) => {
    signal.throwIfAborted()
    const stop = new AbortController()
    const stopWithCaller = () => stop.abort(signal.reason)
    signal.addEventListener('abort', stopWithCaller, { once: true })
    const tooSlow = () => failed(`it took longer than ${settings.totalMs / 1000} seconds`)
    const deadline = setTimeout(() => stop.abort(tooSlow()), settings.totalMs)
    try {
      return await follow(url, settings, stop.signal)
    } catch (error) {
      stop.signal.throwIfAborted()
      throw error instanceof FetchProblem ? error : failed('the connection failed or broke off', error)
    } finally {
      clearTimeout(deadline)
      signal.removeEventListener('abort', stopWithCaller)
    }
  }
}

async function follow(text: string, settings: Settings, signal: AbortSignal): Promise<Buffer> {
  let location = text
  let from: URL | undefined
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    try {
      from = permitted(location, from, settings)
      const answer = await visit(from, settings, signal)
      if (Buffer.isBuffer(answer)) return answer
      location = answer
    } catch (error) {
      if (hop === 0 || !(error instanceof FetchProblem)) throw error
      throw new FetchProblem(error.kind, `after a redirect, ${error.message}`, error.cause)
    }
  }
  throw failed(`it redirects more than ${maxRedirects} times`)
}

/** The address as the connection will use it. Only what `new URL` made of the text is judged: it undoes disguises. */
function permitted(text: string, base: URL | undefined, { allow }: Settings): URL {
  if (text.length > maxUrlCharacters) throw refused(`it is longer than ${maxUrlCharacters} characters`)
  if (!URL.canParse(text, base?.href)) throw refused('it is not a valid address')
  const url = new URL(text, base)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('only https is fetched, or http')
  if (url.username || url.password) throw refused('it carries a user name or password')
  const { hostname, protocol, port } = withoutRootDot(url)
  const entries = allow.origins.filter((entry) => covers(entry.hostname, hostname))
  if (entries.length === 0) throw refused(`its host is not in ${allow.setting}`)
  if (!entries.some((entry) => entry.protocol === protocol && entry.port === port)) {
    throw refused(`${allow.setting} does not permit its scheme and port for its host`)
  }
  return url
}

/** One request: the body, or where the answer points to. */
async function visit(url: URL, settings: Settings, signal: AbortSignal): Promise<Buffer | string> {
  const addresses = await publicAddresses(url.hostname, settings, signal)
  const { accept, connectMs: timeout, maxBytes, ca } = settings
  const agent = new Agent({ connect: { timeout, lookup: pinnedTo(addresses), ...(ca && { ca }) } })
  try {
    const response = await agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      // Uncompressed, the bytes on the wire are all there can be.
      headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'llama-vision' },
      signal,
    })
    const { statusCode, headers } = response
    const location = redirectLocation(statusCode, headers)
    if (location) return location
    if (statusCode !== 200) throw failed(`it answered with status ${statusCode}`)
    if ((headers['content-encoding'] || 'identity') !== 'identity') throw failed('its answer is compressed')
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
    return await bytesOf(response.body, maxBytes)
  } catch (error) {
    if (!(error instanceof errors.ConnectTimeoutError)) throw error
    throw failed(`its host did not accept a connection within ${timeout / 1000} seconds`, error)
  } finally {
    await agent.destroy()
  }
}

/** All addresses of the host. One that is not public refuses the host: nobody says which of them would be used. */
async function publicAddresses(host: string, settings: Settings, signal: AbortSignal): Promise<Address[]> {
  // undici connects to a literal address without a look-up, so that `pinnedTo` would never be asked.
  const literal = host.replace(/^\[|\]$/g, '')
  const family = isIP(literal)
  const addresses = family ? [{ address: literal, family }] : await resolved(host, settings, signal)
  const arePublic = addresses.every(({ address }) => settings.isAllowedAddress(address))
  // Told apart, unknown names and private ones would let a caller find out the names inside.
  if (addresses.length > 0 && arePublic) return addresses
  throw refused('its host does not resolve, or not to public addresses only')
}

async function resolved(host: string, settings: Settings, signal: AbortSignal): Promise<Address[]> {
  signal.throwIfAborted()
  // A look-up cannot be stopped, only no longer waited for.
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  const found = settings.resolve(host).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTFOUND') return []
    throw failed('its host could not be looked up', error)
  })
  return Promise.race([found, stopped])
}

/** Answers what was checked, whatever is asked, in the two forms that `net` knows. */
const pinnedTo =
  (addresses: Address[]): LookupFunction =>
  (_host, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, addresses)
    else callback(null, first?.address ?? '', first?.family)
  }

const tooLarge = (maxBytes: number) => failed(`it is larger than ${maxBytes} bytes`)

/** Copies into one buffer that doubles: a list of a million tiny chunks would take a hundred times their size. */
async function bytesOf(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0)
  let length = 0
  // Buffers, since no encoding was set.
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const needed = length + chunk.length
    if (needed > maxBytes) throw tooLarge(maxBytes)
    if (needed > bytes.length) bytes = Buffer.concat([bytes], Math.min(maxBytes, 2 * needed))
    chunk.copy(bytes, length)
    length = needed
  }
  if (length === 0) throw failed('its answer is empty')
  return bytes.subarray(0, length)
}
