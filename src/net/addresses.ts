/** Which hosts an operator permits, and which addresses belong to the public internet. */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { ConfigError, entriesOf } from '../config.ts'

/** Origins such as `https://*.example.com`, and the setting that holds them, for sentences. */
export type AllowList = { setting: string; origins: readonly URL[] }

/**
 * Reads a setting's entries, separated by commas. An entry without a scheme permits https, one without a port the
 * scheme's own. Throws a `ConfigError` that names the setting and an entry which is none.
 */
export const parseAllowList = (setting: string, text: string): AllowList => ({
  setting,
  origins: entriesOf(text).map((entry) => allowedOrigin(setting, entry)),
})

function allowedOrigin(setting: string, entry: string): URL {
  const [, scheme = 'https', host = ''] = /^(?:(https?):\/\/)?([^/?#@\\\s%]+)\/?$/i.exec(entry) ?? []
  const origin = `${scheme}://${host}`
  const isHost = /^(\*|(\*\.)?[\w-]+(\.[\w-]+)*\.?|\[[\da-f:]+\])$/
  if (URL.canParse(origin) && isHost.test(new URL(origin).hostname)) return withoutRootDot(new URL(origin))
  throw new ConfigError(
    `${setting} holds ${entry}; entries look like example.com, *.example.com, * or http://example.com:8080`,
  )
}

/** `example.com.` is the same host as `example.com`, but neither lists nor certificates know it by that name. */
export function withoutRootDot(url: URL): URL {
  url.hostname = url.hostname.replace(/\.$/, '')
  return url
}

/** Whether a host is what an entry of the list means. */
export const covers = (pattern: string, host: string): boolean =>
  pattern === '*' || pattern === host || (pattern.startsWith('*.') && host.endsWith(pattern.slice(1)))

/** Whether the text is an IPv4 or IPv6 address of the public internet, and of a single machine. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false
  const ip = ipaddr.process(address)
  if (ip.range() !== 'unicast') return false
  // Looks public, but is where machines in Azure ask about themselves.
  if (ip instanceof ipaddr.IPv4) return ip.toString() !== '168.63.129.16'
  const [first = 0, , , , , sixth] = ip.parts
  // Only 2000::/3 is given out; beside it, ::127.0.0.1 counts as unicast. 5efe marks ISATAP: an IPv4 address follows.
  return first >> 13 === 1 && sixth !== 0x5efe
}

/**
 * The addresses of one household or machine, by their first: an IPv4 address, or the /64 of an IPv6 one. Undefined for
 * what is no address.
 */
export function addressBlock(address: string): string | undefined {
  // Nearly always, and already written in the one way.
  if (isIPv4(address)) return address
  if (!isIPv6(address)) return undefined
  const ip = ipaddr.process(address)
  return ip instanceof ipaddr.IPv4 ? ip.toString() : ipaddr.IPv6.networkAddressFromCIDR(`${ip}/64`).toString()
}

/** Whether the text is an address, or a range of them such as `10.0.0.0/8`; all of them are none. */
export function isAddressRange(text: string): boolean {
  const [, address = '', bits = '1'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128)
}
