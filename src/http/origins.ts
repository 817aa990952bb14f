/** Origins of pages that may ask from a browser. */
import { type Config, ConfigError, entriesOf } from '../config.ts'

/**
 * CORS_ORIGINS as browsers write origins: lower case, without the usual port. `*` is any, `null` what a page of a file
 * has. Throws `ConfigError` for an entry that no browser would ever send.
 */
export const allowedOrigins = ({ CORS_ORIGINS }: Pick<Config, 'CORS_ORIGINS'>): string[] =>
  entriesOf(CORS_ORIGINS).map(originOf)

function originOf(entry: string): string {
  if (entry === '*' || entry === 'null') return entry
  if (/^[a-z][a-z\d+.-]*:\/\/[^/?#@\\\s*%]+\/?$/i.test(entry) && URL.canParse(entry)) {
    const { protocol, host, origin } = new URL(entry)
    // Of schemes beside http, as of browsers' extensions, an address tells none.
    return origin === 'null' ? `${protocol}//${host}` : origin
  }
  throw new ConfigError(
    `CORS_ORIGINS holds ${entry}; entries look like https://app.example.com, http://localhost:3000 or *, without a path`,
  )
}
