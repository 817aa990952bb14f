/**
 * A stand-in for llama-server with faults that a real one can't be told to have. It takes llama-server's arguments,
 * listens on the same kind of socket and speaks the same wire. A prompt of the form `fault:<name>` chooses what goes
 * wrong with a request; `FAKE_START` in its wrapper script (see fake-engine.ts) what goes wrong at the start.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const argument = (name: string) => process.argv[process.argv.indexOf(name) + 1] ?? ''
const start = process.env.FAKE_START ?? ''
const slots = Number(argument('--parallel'))
const context = Number(argument('--ctx-size')) / slots
let busy = 0
let asked = 0
let loaded = start !== 'slow-load'

if (start === 'unknown-architecture') {
  console.error("E llama_model_load: error loading model: unknown model architecture: 'mllama'")
  process.exit(1)
}
if (start === 'crash') {
  console.error('E something odd happened')
  process.exit(3)
}
if (start === 'ignore-sigterm') process.on('SIGTERM', () => {})
if (start === 'slow-load') setTimeout(() => (loaded = true), 1500)

const server = createServer(async (request, response) => {
  const json = (status: number, body: unknown) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (!loaded) return json(503, { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } })
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
    case '/v1/chat/completions':
      if (start === 'no-answers') return json(500, { error: { message: 'no', type: 'server_error' } })
      busy += 1
      try {
        await answer(request, response)
      } finally {
        busy -= 1
      }
  }
})

type Part = { text?: string }

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let gone = false
  response.on('close', () => {
    gone = !response.writableFinished
    if (gone) console.error('fake: client gone')
  })
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = JSON.parse(Buffer.concat(chunks).toString()) as { messages: [{ content: Part[] }] }
  const prompt = body.messages[0].content.find((part) => part.text)?.text ?? ''
  const fault = prompt.startsWith('fault:') ? prompt.slice('fault:'.length) : ''
  const send = (data: unknown) =>
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
  const token = (content: string) => send({ choices: [{ delta: { content }, finish_reason: null }] })
  const refuse = (status: number, error: object) => response.writeHead(status).end(JSON.stringify({ error }))

  if (fault === 'context') {
    return void refuse(400, {
      type: 'exceed_context_size_error',
      message: 'too long',
      n_prompt_tokens: 5000,
      n_ctx: context,
    })
  }
  if (fault === 'picture')
    return void refuse(400, { type: 'invalid_request_error', message: 'Failed to load image /tmp/secret' })
  if (fault === 'broken')
    return void refuse(500, { type: 'server_error', message: 'bad thing at /models/secret.gguf' })
  if (fault === 'no-json') return void response.writeHead(502).end('<html>')
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  send({ choices: [{ delta: { role: 'assistant', content: null }, finish_reason: null }] })
  if (fault === 'crash') {
    token('half an ')
    await sleep(20)
    process.kill(process.pid, 'SIGKILL')
  }
  if (fault === 'wedge') process.kill(process.pid, 'SIGSTOP')
  if (fault === 'cut') return void response.end()
  if (fault === 'stream-error') {
    send({ error: { code: 500, message: 'failed to process chunk', type: 'server_error' } })
    return void response.end()
  }
  const tokens = fault === 'slow' ? 40 : 2
  for (let count = 0; count < tokens && !gone; count += 1) {
    token(count === 0 ? 'a fake ' : 'answer')
    if (fault === 'slow') await sleep(100)
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

server.listen(argument('--host'))
