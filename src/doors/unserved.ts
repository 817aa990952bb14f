/** What a family of clients may ask for and is not offered here: told with the reason, and never as a fault of the service. */
import type { FastifyInstance } from 'fastify'
import { failure } from '../errors.ts'

export const unserved = (feature: string, reason: string) => failure('not_supported', { feature, reason })

/** Answers routes that are not offered, whatever the method; `reasons` by their paths below `prefix`. */
export function refuseRoutes(app: FastifyInstance, prefix: string, reasons: Record<string, string>): void {
  for (const [url, reason] of Object.entries(reasons)) {
    app.all(url, { schema: { hide: true } }, async () => {
      throw unserved(`${prefix}${url}`, reason)
    })
  }
}
