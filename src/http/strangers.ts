/**
 * Pages of strangers have the browsers of their visitors ask services on the visitors' machines and networks: by a name
 * of theirs that leads here, by forms, and by requests whose answers they can't read but whose work is done. Browsers
 * tell of it in headers that no page can set. Programs send none of them and pass.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { type Failure, failure } from '../errors.ts'
import { allowedOrigins } from './origins.ts'
import { type Authority, authorityOf, ownNames } from './own-names.ts'

/** As much of a stranger's text as an error repeats. */
const shownCharacters = 100

/** Refuses them on every route. */
export function refuseStrangers(
  app: FastifyInstance,
  config: Pick<Config, 'ALLOWED_HOSTS' | 'CORS_ORIGINS' | 'HOST'>,
): void {
  const isOwn = ownNames(config)
  const origins = allowedOrigins(config)
  const isAllowed = (origin: string | undefined) =>
    origins.includes('*') || (origin !== undefined && origins.includes(origin))

  app.addHook('onRequest', (request, _reply, done) => {
    const fault = hostFault(request, isOwn) ?? pageFault(request, isAllowed)
    done(fault)
  })
}

/** Every name that the request was sent to: a proxy that is trusted tells the one that its client used. */
function namesOf({ raw, host, originalUrl }: FastifyRequest): string[] {
  const [, target = ''] = /^https?:\/\/([^/?#]*)/i.exec(originalUrl) ?? []
  // HTTP/1.0 has no Host, and some probes send it empty; browsers always name one.
  return [...new Set([raw.headers.host ?? '', target, host])].filter((name) => name !== '')
}

function hostFault(request: FastifyRequest, isOwn: (host: string) => boolean): Failure | undefined {
  const strange = namesOf(request).find((name) => {
    const host = authorityOf(name)?.host
    return host === undefined || !isOwn(host)
  })
  return strange === undefined
    ? undefined
    : failure('host_not_allowed', { actual: strange.slice(0, shownCharacters) })
}

function pageFault(
  request: FastifyRequest,
  isAllowed: (origin: string | undefined) => boolean,
): Failure | undefined {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (isAllowed(origin)) return undefined
  // Sent by today's browsers, over plain HTTP to this machine alone.
  const isStrange =
    site === undefined
      ? isStrangeOrigin(request)
      : site !== 'same-origin' && site !== 'none' && !isFollowedLink(request)
  if (!isStrange) return undefined
  const actual =
    origin === undefined || origin === 'null' ? 'an address that its browser keeps to itself' : origin
  return failure('origin_not_allowed', { actual: actual.slice(0, shownCharacters) })
}

const isReading = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD'

/** A person came from elsewhere to look at the page or at the documentation; who sent them sees nothing of it. */
const isFollowedLink = (request: FastifyRequest): boolean =>
  isReading(request) &&
  request.headers['sec-fetch-mode'] === 'navigate' &&
  request.headers['sec-fetch-dest'] === 'document'

function isStrangeOrigin(request: FastifyRequest): boolean {
  const { origin } = request.headers
  if (origin === undefined) return false
  // Browsers that guard their users' privacy, sandboxed frames, files.
  if (origin === 'null') return !isReading(request)
  const page = pageOf(origin)
  return !page || !namesOf(request).some((name) => isSame(page, authorityOf(name)))
}

/** Schemes are not compared: behind a proxy that ends TLS, the page is at https and the service at http. */
const pageOf = (origin: string): Authority | undefined => {
  const [, authority = ''] = /^https?:\/\/(.*)$/i.exec(origin) ?? []
  return authorityOf(authority)
}

const isSame = (page: Authority, asked: Authority | undefined): boolean =>
  page.host === asked?.host && page.port === asked.port
