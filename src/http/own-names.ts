/**
 * The names by which the service may be asked. Somebody who points a name of theirs at this machine (DNS rebinding) has
 * browsers take its answers for their own site's; but such a browser asks by that name. Names that nobody can have in
 * the public DNS need not be listed: a container or a cluster calls a service by one.
 */
import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { ConfigError, entriesOf } from '../config.ts'
import { covers } from '../net/addresses.ts'

/** A host as a request names it. `port` is empty for the usual ones of http and https. */
export type Authority = { host: string; port: string }

/** RFC 6761, ICANN's name for private networks (`host.docker.internal`), RFC 6762 (`cluster.local` too), RFC 8375. */
const neverPublic = ['localhost', 'internal', 'local', 'home.arpa']

/** The text of a Host header: lower case, without the root's dot. Undefined for what names no host. */
export function authorityOf(text: string): Authority | undefined {
  const [, address, name, port = ''] =
    /^(?:(\[[\da-f:.]+(?:%[\w.-]+)?\])|([\w-]+(?:\.[\w-]+)*)\.?)(?::(\d{0,5}))?$/i.exec(text) ?? []
  if (address !== undefined && isIP(address.slice(1, -1)) !== 6) return undefined
  const host = address ?? name
  if (host === undefined) return undefined
  return { host: host.toLowerCase(), port: port === '80' || port === '443' ? '' : port }
}

/** Tells whether a host is a name of the service. Throws `ConfigError` for an entry of ALLOWED_HOSTS that is none. */
export function ownNames({ ALLOWED_HOSTS, HOST }: { ALLOWED_HOSTS: string; HOST: string }) {
  const names = [HOST, hostname()].flatMap((text) => authorityOf(text)?.host ?? [])
  const allowed = [...names, ...entriesOf(ALLOWED_HOSTS).map(patternOf)]
  return (host: string): boolean =>
    isAddress(host) ||
    !host.includes('.') ||
    neverPublic.some((top) => host.endsWith(`.${top}`)) ||
    allowed.some((pattern) => covers(pattern, host))
}

const isAddress = (host: string): boolean => host.startsWith('[') || isIP(host) === 4

function patternOf(entry: string): string {
  if (entry === '*') return entry
  const [star = '', name = ''] = entry.startsWith('*.') ? ['*.', entry.slice(2)] : ['', entry]
  const authority = authorityOf(name)
  if (authority && !name.includes(':')) return star + authority.host
  throw new ConfigError(
    `ALLOWED_HOSTS holds ${entry}; entries look like vision.example.com, *.example.com or *, without scheme or port`,
  )
}
