/** `POST infer` as a stream of events. Leaving the loop early, or the signal, ends the request. */
import { factsOf, lost, post, refusal } from './service.js'

/** Yields `{ event, data }`. Throws a refusal for every answer that is none, in the stream or instead of one. */
export async function* ask(request, how) {
  const response = await post('infer', { ...request, stream: true }, how)
  for await (const { event, data } of readEvents(response.body)) {
    if (event === 'error') throw refusal(data.error, factsOf(data))
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
