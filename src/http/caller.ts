/**
 * Who asks, for limits and turns: the key that was accepted, without keys the address. However a caller spells what it
 * sends, it stays one, and its name is short and no secret.
 */
import type { FastifyRequest } from 'fastify'
import { ConfigError, entriesOf } from '../config.ts'
import { addressBlock, isAddressRange } from '../net/addresses.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Empty until the guards have looked at the request. */
    caller: string
  }
}

/** `keys` are those of API_KEYS. */
export function callerOf({ headers, ip, raw }: FastifyRequest, keys: readonly string[]): string {
  // As the guard reads it: the scheme in any case, spaces around the key left out.
  const key = keys.indexOf((headers.authorization ?? '').slice('Bearer '.length).trim())
  if (key !== -1) return `key ${key + 1}`
  // A proxy may pass on anything as an address, some of them with a port.
  const address = ip.replace(/^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/, '$1$2')
  return `address ${addressBlock(address) ?? addressBlock(raw.socket.remoteAddress ?? '') ?? 'unknown'}`
}

/** The keys of API_KEYS. Throws `ConfigError`, which keeps them to itself, for one that no request can carry. */
export function acceptedKeys({ API_KEYS }: { API_KEYS: string }): string[] {
  const keys = entriesOf(API_KEYS)
  const wrong = keys.findIndex((key) => !/^[!-~]+$/.test(key))
  if (wrong === -1) return keys
  throw new ConfigError(
    `API_KEYS: key ${wrong + 1} of ${keys.length} holds a space or another character that no header can carry; keys are separated by commas`,
  )
}

/** Names that Fastify gives to ranges of private addresses. */
const namedRanges = ['loopback', 'linklocal', 'uniquelocal']

/** TRUST_PROXY as Fastify takes it. Throws `ConfigError` for an entry that is no address or range. */
export function trustedProxies({ TRUST_PROXY }: { TRUST_PROXY: string }): string[] | false {
  const entries = entriesOf(TRUST_PROXY)
  const wrong = entries.find((entry) => !namedRanges.includes(entry) && !isAddressRange(entry))
  if (wrong !== undefined) {
    throw new ConfigError(
      `TRUST_PROXY holds ${wrong}; entries look like 10.0.0.7, 10.0.0.0/8, fd00::/8 or ${namedRanges.join(', ')}`,
    )
  }
  return entries.length > 0 && entries
}
