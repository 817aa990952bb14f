/** What llama-server says -> what we make of it, without a connection. */
import t from 'tap'
import { type ChatEvent, chatEvents, likelihoodsOf, refusal } from '../../src/engine/wire.ts'
import type { Failure } from '../../src/errors.ts'

const usage = { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 }
const timings = { cache_n: 1, prompt_ms: 12.5, predicted_ms: 6.5, predicted_per_second: 150 }
const token = (content: string | null) => ({ choices: [{ delta: { content }, finish_reason: null }] })
const finish = (finish_reason = 'stop') => ({ choices: [{ delta: {}, finish_reason }] })
const figures = { choices: [], usage, timings }
const sse = (...chunks: unknown[]) => chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')

/** The events of a stream that comes in such pieces. */
async function eventsOf(...pieces: (string | Uint8Array)[]): Promise<ChatEvent[]> {
  async function* stream() {
    for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece
  }
  const events: ChatEvent[] = []
  for await (const event of chatEvents(stream(), 8)) events.push(event)
  return events
}

t.test('a stream from its first word to its figures', async (t) => {
  const progress = { prompt_progress: { total: 70, cache: 10, processed: 30 }, choices: [] }
  const stream = sse(
    token(null),
    { choices: [{}] },
    progress,
    { prompt_progress: { ...progress.prompt_progress, media: { done: 3, total: 40 } }, choices: [] },
    token(''),
    token('a '),
    token('word'),
    finish('length'),
    figures,
  )
  const expected = [
    { type: 'prompt', processed: 30, cached: 10, total: 70 },
    { type: 'picture', done: 3, total: 40 },
    { type: 'text', text: 'a ' },
    { type: 'text', text: 'word' },
    { type: 'end', finishReason: 'length', usage, timings },
  ]
  t.strictSame(await eventsOf(stream, 'data: [DONE]\n\n'), expected)
  const bytes = Buffer.from(stream)
  t.strictSame(await eventsOf(...Array.from(bytes, (byte) => Uint8Array.of(byte))), expected, 'byte by byte')
})

t.test('a picture may be told of for an hour, and not for ever', async (t) => {
  const filler = 'x'.repeat(300)
  const layer = sse({
    filler,
    prompt_progress: { total: 1, cache: 0, processed: 0, media: { done: 1, total: 2 } },
  })
  const layers = (count: number) => Array<string>(count / 1000).fill(layer.repeat(1000))
  const events = await eventsOf(...layers(36_000), sse(token('a'), finish(), figures))
  t.equal(events.length, 36_002)
  t.match(events.at(-1), { type: 'end' })
  await t.rejects(eventsOf(...layers(60_000)), { code: 'engine_error' })
})

t.test('the last word may come with the finish, the figures too', async (t) => {
  const last = { choices: [{ delta: { content: 'end' }, finish_reason: 'stop' }], usage, timings }
  t.match(await eventsOf(sse(last)), [{ type: 'text', text: 'end' }, { finishReason: 'stop' }])
})

t.test('a character may be cut anywhere', async (t) => {
  const bytes = Buffer.from(sse(token('naïve 🦙'), finish(), figures))
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const [first] = await eventsOf(bytes.subarray(0, cut), bytes.subarray(cut))
    if (first?.type !== 'text' || first.text !== 'naïve 🦙') t.fail(`cut at ${cut}`)
  }
})

t.test('a stream without its finish was cut off, however cleanly it closed', async (t) => {
  for (const stream of [
    '',
    sse(token('half')),
    sse(token('half'), figures),
    sse(token('half'), finish()),
    sse(token('half'), finish(), { usage }),
    sse(token('half'), finish(), { timings }),
  ]) {
    await t.rejects(eventsOf(stream, 'data: [DONE]\n\n'), {
      code: 'engine_crashed',
      cause: 'The stream ended without a finish',
    })
  }
})

t.test('a fault in mid-stream ends it, after what came before', async (t) => {
  const heard: ChatEvent[] = []
  async function* stream() {
    yield Buffer.from(sse(token('half'), { error: { message: 'at /models/secret.gguf' } }, token('more')))
  }
  const listen = async () => {
    for await (const event of chatEvents(stream(), 8)) heard.push(event)
  }
  await t.rejects(listen(), {
    code: 'engine_error',
    cause: 'at /models/secret.gguf',
    message: /^(?!.*secret)/,
  })
  t.strictSame(heard, [{ type: 'text', text: 'half' }])
})

t.test('what came before something that cannot be read is heard, in one piece with it or not', async (t) => {
  const heard: ChatEvent[] = []
  async function* stream() {
    yield Buffer.from(`${sse(token('half'))}data: {"choices"\n\n`)
  }
  const listen = async () => {
    for await (const event of chatEvents(stream(), 8)) heard.push(event)
  }
  await t.rejects(listen(), SyntaxError)
  t.strictSame(heard, [{ type: 'text', text: 'half' }])
})

t.test('a stream that goes on far beyond what was asked for is given up', async (t) => {
  let chunks = 0
  async function* stream() {
    for (; chunks < 10_000; chunks += 1) yield Buffer.from(sse(token('x'.repeat(1000))))
  }
  const listen = async () => {
    for await (const _ of chatEvents(stream(), 8));
  }
  await t.rejects(listen(), { code: 'engine_error', cause: /does not end/ })
  t.ok(chunks > 900 && chunks < 1200, `after ${chunks} KB`)
})

t.test('a long answer may have as many bytes as its tokens can take', async (t) => {
  let heard = 0
  async function* stream() {
    for (let count = 0; count < 1500; count += 1) yield Buffer.from(sse(token('x'.repeat(1000))))
    yield Buffer.from(sse(finish(), figures))
  }
  for await (const event of chatEvents(stream(), 1000)) if (event.type === 'text') heard += 1
  t.equal(heard, 1500)
})

t.test('how likely first tokens are; what is no number is told as none', (t) => {
  const answer = (...listed: object[]) => ({
    choices: [{ logprobs: { content: [{ top_logprobs: listed }] } }],
  })
  t.strictSame(likelihoodsOf(answer({ token: 'a', logprob: -1 }, { token: 'b', logprob: null }, {})), [
    { token: 'a', logprob: -1 },
    { token: 'b', logprob: Number.NaN },
    { token: '', logprob: Number.NaN },
  ])
  const nothings = [null, {}, { choices: [] }, answer()]
  for (const logprobs of [null, {}, { content: [] }, { content: [{}] }])
    t.strictSame(likelihoodsOf({ choices: [{ logprobs }] }), [])
  for (const nothing of nothings) t.strictSame(likelihoodsOf(nothing), [])
  t.end()
})

t.test('what the engine refuses is told in our words; its own, with their paths, go to the log only', (t) => {
  const told = (status: number, error: object | string) =>
    refusal(status, typeof error === 'string' ? error : JSON.stringify({ error }))
  const long = { type: 'exceed_context_size_error', message: 'too long' }
  const cases: [Failure, object][] = [
    [
      told(400, { ...long, n_prompt_tokens: 5000, n_ctx: 2048 }),
      { code: 'context_exceeded', facts: { field: 'prompt', actual: 5000, limit: 2048 } },
    ],
    [told(400, long), { code: 'context_exceeded', facts: { actual: 0, limit: 0 } }],
    [
      told(400, { message: 'Failed to parse Grammar at /secret' }),
      {
        code: 'invalid_json_schema',
        facts: { field: 'json_schema' },
        cause: 'Failed to parse Grammar at /secret',
      },
    ],
    [told(400, { message: 'bad schema' }), { code: 'invalid_json_schema' }],
    [
      told(400, { message: 'Failed to load image /tmp/secret' }),
      { code: 'image_refused', facts: { field: 'image' }, cause: 'Failed to load image /tmp/secret' },
    ],
    [told(500, { message: 'Failed to load image or audio file' }), { code: 'image_refused' }],
    [told(400, { message: 'Failed to tokenize prompt' }), { code: 'image_refused' }],
    [
      told(400, { message: 'Failed to initialize samplers: penalty_repeat must be finite, says secret' }),
      { code: 'setting_refused', facts: { field: 'repeat_penalty' } },
    ],
    [
      told(400, { message: "Field 'top_k': Value must be between 0 and secret" }),
      { code: 'setting_refused', facts: { field: 'top_k' } },
    ],
    [told(400, { message: "Field 'json_schema': secret" }), { code: 'invalid_json_schema' }],
    [
      told(400, { message: 'Prompt must not end with an image or audio, secret' }),
      { code: 'request_refused', message: /^The engine does not take this request: the log/ },
    ],
    [
      told(500, { message: 'Jinja Exception: Conversation roles must alternate at /secret' }),
      { code: 'request_refused', message: /template of the model has no place for these messages$/ },
    ],
    [
      told(503, { message: 'Loading model at /secret', type: 'unavailable_error' }),
      { code: 'engine_loading', retryAfterSeconds: 5, cause: 'Loading model at /secret' },
    ],
    [told(500, { message: 'grammar at /models/secret.gguf' }), { code: 'engine_error' }],
    [told(502, '<html>secret'), { code: 'engine_error', cause: '<html>secret' }],
    [told(502, 'null'), { code: 'engine_error', cause: 'null' }],
    [told(502, 'x'.repeat(600)), { code: 'engine_error', cause: /^x{500}$/ }],
  ]
  for (const [failure, expected] of cases) {
    t.match(failure, expected)
    t.notMatch(failure.message, /secret/)
  }
  t.end()
})

t.test("a schema of which the engine can make no grammar is the caller's to mend, whatever it says", (t) => {
  const message = 'Automatic parser generation failed: At least one of min_value or max_value must be set'
  const error = JSON.stringify({ error: { message } })
  t.match(refusal(400, error), { code: 'invalid_json_schema', facts: { field: 'json_schema' } })
  t.end()
})
