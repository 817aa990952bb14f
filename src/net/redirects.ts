import type { IncomingHttpHeaders } from 'node:http'

/** RFC 9110, section 15.4: answers that say where else to ask. */
const redirectStatuses = [301, 302, 303, 307, 308]

/**
 * Where an answer sends who asked, in its own words, empty where it has none; undefined when it is no redirect. Each
 * hop is followed by hand: whoever asks judges it like a new request.
 */
export function redirectLocation(status: number, { location }: IncomingHttpHeaders): string | undefined {
  if (!redirectStatuses.includes(status)) return undefined
  // Sent twice, it is a list, which the type does not know.
  return typeof location === 'string' ? location : ''
}
