/** `POST infer` as a stream of events. Leaving the loop early, or the signal, ends the request. */

/** Yields `{ event, data }`. Throws a refusal for every answer that is none, in the stream or instead of one. */
export async function* ask(request, { key, signal }) {
  const response = await fetch('infer', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ ...request, stream: true }),
    signal,
  }).catch(lost)
  if (!response.ok) throw await refusalOf(response)
  for await (const { event, data } of readEvents(response.body)) {
    if (event === 'error') throw refusal(data.error, { code: data.details?.code })
    yield { event, data }
    if (event === 'done') return
  }
  throw refusal('The connection ended before the answer did.')
}

/** Server-sent events as this service writes them: two lines each, an empty line between; comments are heartbeats. */
async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  try {
    for (;;) {
      const { value, done } = await reader.read().catch(lost)
      if (done) return
      const blocks = (rest + value).split('\n\n')
      rest = blocks.pop()
      for (const block of blocks) {
        const [, event, data] = /^event: ([^\n]*)\ndata: ([^\n]*)$/.exec(block) ?? []
        if (event) yield { event, data: JSON.parse(data) }
      }
    }
  } finally {
    // Rejects when the signal ended the stream, which its reader has heard already.
    reader.cancel().catch(() => {})
  }
}

async function refusalOf(response) {
  // A proxy in between may answer with a page of its own.
  const body = await response.json().catch(() => undefined)
  return refusal(body?.error ?? `The service answered ${response.status} ${response.statusText}.`, {
    status: response.status,
    code: body?.details?.code,
    retryAfterSeconds: Number(response.headers.get('retry-after')) || undefined,
  })
}

/** The browser's own words for a broken connection differ and help nobody; an abort is the page's own doing. */
function lost(error) {
  throw error.name === 'AbortError' ? error : refusal('The connection to the service was lost.')
}

const refusal = (message, facts = {}) => Object.assign(new Error(message), facts)
