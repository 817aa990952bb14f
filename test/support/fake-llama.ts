/**
 * A stand-in for llama-server with faults that a real one can't be told to have. It takes llama-server's arguments,
 * listens on the same kind of socket and speaks the same wire. `FakeStart` chooses what goes wrong at the start, a prompt
 * of the form `fault:<name>` what goes wrong with a request. It runs as a program of its own (fake-llama-server.ts) where
 * a test shows what only a process can show, otherwise within the test (engine-in-process.ts).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

export type FakeStart =
  | ''
  | 'unknown-architecture'
  | 'crash'
  | 'no-memory'
  | 'ignore-sigterm'
  | 'slow-load'
  | 'blind'
  | 'other-model'
  | 'silent'
  | 'silent-at-first'
  | 'no-answers'
  | 'mute'
  | 'not-a-number'
  | 'colour-blind'

/** The process that a fake engine runs in, be it one or not. */
export type FakeProcess = {
  print(line: string): void
  exit(code: number): void
  crash(): void
  /** Stops answering, and stays. */
  wedge(): void
  /** The fault that it has now, whatever is asked: 'deaf' to everything, or one that a prompt may name. */
  fault?(): string
}

/** Listens, unless the start goes wrong. Returns what closes the socket and all connections. */
export function startFakeLlama(words: readonly string[], start: string, host: FakeProcess): () => void {
  const argument = (name: string) => words[words.indexOf(name) + 1] ?? ''
  const slots = Number(argument('--parallel'))
  const context = Number(argument('--ctx-size')) / slots
  let busy = 0
  let asked = 0
  let loaded = start !== 'slow-load'

  const server = createServer(async (request, response) => {
    const json = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    }
    if (host.fault?.() === 'deaf') return
    if (!loaded)
      return json(503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } })
    switch (request.url) {
      case '/health':
        return json(200, { status: 'ok' })
      case '/props':
        asked += 1
        if (start === 'silent' || (start === 'silent-at-first' && asked === 1))
          return void request.socket.destroy()
        return json(200, {
          modalities: { vision: start !== 'blind' },
          model_alias: start === 'other-model' ? 'other.gguf' : argument('--alias'),
          default_generation_settings: { n_ctx: context },
        })
      case '/slots':
        return json(
          200,
          Array.from({ length: slots }, (_, id) => ({ id, is_processing: id < busy })),
        )
      case '/v1/chat/completions/input_tokens':
        return json(200, { input_tokens: 70 })
      case '/v1/chat/completions':
        if (start === 'no-answers') return json(500, { error: { message: 'no', type: 'server_error' } })
        busy += 1
        try {
          await answer(request, response, start, host)
        } finally {
          busy -= 1
        }
    }
  })
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  if (start === 'unknown-architecture') {
    host.print("E llama_model_load: error loading model: unknown model architecture: 'mllama'")
    host.exit(1)
    return close
  }
  if (start === 'crash') {
    host.print('E something odd happened')
    host.exit(3)
    return close
  }
  if (start === 'no-memory') {
    host.print('E terminate called after throwing std::bad_alloc')
    host.exit(1)
    return close
  }
  if (start === 'slow-load') setTimeout(() => (loaded = true), 1500).unref()
  server.listen(argument('--host'))
  return close
}

type Part = { text?: string; image_url?: { url: string } }

/** Of all messages; a message may be a text by itself. */
const partsOf = (messages: { content: string | Part[] }[]): Part[] =>
  messages.flatMap(({ content }) => (typeof content === 'string' ? [{ text: content }] : content))

/** As llama-server tells how likely first tokens are; a picture's own length makes them its own. */
function firstTokens(parts: Part[], start: string): object {
  const seen =
    start === 'colour-blind' ? 0 : (parts.find((part) => part.image_url)?.image_url?.url.length ?? 0)
  // JSON has no word for NaN.
  const logprob = start === 'not-a-number' ? null : -1 / (1 + seen)
  return { choices: [{ logprobs: { content: [{ top_logprobs: [{ token: 'red', logprob }] }] } }] }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  start: string,
  host: FakeProcess,
): Promise<void> {
  let gone = false
  response.on('close', () => {
    gone = !response.writableFinished
    if (gone) host.print('fake: client gone')
  })
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString()) as {
    messages: { content: string | Part[] }[]
    logprobs?: boolean
  }
  const turned = host.fault?.() ?? ''
  if (body.logprobs && turned === '') {
    // Nobody is told anything.
    if (start === 'mute') return
    return void response.end(JSON.stringify(firstTokens(partsOf(body.messages), start)))
  }
  const prompt = partsOf(body.messages).find(({ text }) => text?.startsWith('fault:'))?.text ?? ''
  const fault = prompt.startsWith('fault:') ? prompt.slice('fault:'.length) : turned
  const send = (data: unknown) =>
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
  const token = (content: string) => send({ choices: [{ delta: { content }, finish_reason: null }] })
  if (fault === 'failing')
    return void response
      .writeHead(500)
      .end('{"error":{"message":"at /models/secret.gguf","type":"server_error"}}')
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  send({ choices: [{ delta: { role: 'assistant', content: null }, finish_reason: null }] })
  if (fault === 'crash') {
    token('half an ')
    await sleep(20)
    host.crash()
  }
  if (fault === 'wedge') host.wedge()
  if (fault === 'stall') {
    token('half an ')
    return await new Promise((resolve) => response.on('close', () => resolve()))
  }
  if (fault === 'garbage') return void response.end('data: {"choices":[{"delta"\n\n')
  const tokens = { slow: 40, endless: Number.POSITIVE_INFINITY }[fault] ?? 2
  for (let count = 0; count < tokens && !gone; count += 1) {
    token(count === 0 ? 'a fake ' : 'answer')
    if (fault === 'slow') await sleep(100)
    if (fault === 'endless' && count % 100 === 0) await new Promise(setImmediate)
  }
  // A real engine finishes a picture before it notices that its client has gone.
  if (gone) await sleep(300)
  send({ choices: [{ delta: {}, finish_reason: 'stop' }] })
  send({
    choices: [],
    usage: { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 },
    timings: { cache_n: 0, prompt_ms: 12.345, predicted_ms: 6.5, predicted_per_second: 150 },
  })
  send('[DONE]')
  response.end()
}
