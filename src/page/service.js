/** `POST infer` of the service that the page came from, and its refusals as errors that say what it said. */

/** Resolves with an answer that is one; `key` may be empty. Throws a refusal for any other, or the signal's abort. */
export async function post(address, request, { key, signal }) {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify(request),
    signal,
  }).catch(lost)
  if (!response.ok) throw await refusalOf(response)
  return response
}

/** What the request would do: the pictures as the model would see them, and the seconds to expect. */
export async function plan(request, how) {
  const response = await post('infer?dry_run=1', request, how)
  return response.json().catch(lost)
}

/** `{ max_images, max_body_bytes }`, or neither where the service does not say: then it refuses for itself. */
export async function limitsOfService() {
  try {
    const response = await fetch('limits.json')
    if (response.ok) return await response.json()
  } catch {
    // Said by the watch over its health.
  }
  // Nothing is more than what is not known.
  return {}
}

async function refusalOf(response) {
  // A proxy in between may answer with a page of its own.
  const body = await response.json().catch(() => undefined)
  return refusal(body?.error ?? `The service answered ${response.status} ${response.statusText}.`, {
    ...factsOf(body),
    status: response.status,
    ...(response.headers.has('retry-after') && {
      retryAfterSeconds: Number(response.headers.get('retry-after')) || undefined,
    }),
  })
}

/** Of an error's body, whether it came instead of a stream or in one. */
export const factsOf = (body) => ({
  code: body?.details?.code,
  field: body?.details?.field,
  retryAfterSeconds: body?.details?.retry_after_seconds,
})

/** The browser's own words for a broken connection differ and help nobody; an abort is the page's own doing. */
export function lost(error) {
  throw error.name === 'AbortError' ? error : refusal('The connection to the service was lost.')
}

export const refusal = (message, facts = {}) => Object.assign(new Error(message), facts)
