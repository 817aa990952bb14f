/** Pictures sent to a service under proof, and what came back. */

const limitMs = 180_000

export type Seen = { codes: Map<string, number>; untyped: string[]; withoutPicture: string[]; hung: string[] }

export const nothingSeen = (): Seen => ({ codes: new Map(), untyped: [], withoutPicture: [], hung: [] })

/** How many there are of something, and the first of them. */
export const told = (names: string[]): string =>
  `${names.length}${names.length > 0 ? `: ${names.slice(0, 5).join('; ')}` : ''}`

/** So many times, by a few clients. */
export async function inTurns(
  clients: number,
  count: number,
  work: (place: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const client = async () => {
    for (let place = next++; place < count; place = next++) await work(place)
  }
  await Promise.all(Array.from({ length: clients }, client))
}

type Body = {
  error_type?: string
  details?: { code?: string }
  images?: unknown[]
  metadata?: { image?: unknown }
}

/** Asks `/infer`, with or without a dry run, about one picture. */
export async function send(address: string, what: string, bytes: Buffer, seen: Seen): Promise<void> {
  const request = { prompt: 'Colour?', max_tokens: 4, image: bytes.toString('base64') }
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(limitMs),
    })
    const body = (await response.json()) as Body
    const code = response.ok ? 'ok' : (body.details?.code ?? '')
    seen.codes.set(code, (seen.codes.get(code) ?? 0) + 1)
    if (response.ok && !body.images?.length && !body.metadata?.image) seen.withoutPicture.push(what)
    if (!response.ok && (!code || !body.error_type || response.status >= 500))
      seen.untyped.push(`${what} ${response.status} ${code}`)
  } catch (error) {
    seen.hung.push(`${what} ${String(error)}`)
  }
}
