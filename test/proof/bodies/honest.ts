/** What honest clients send to every door, to begin with. Answers are kept short. */
import { jpeg, pdf, png, twoColours } from '../../support/images.ts'

export type Honest = {
  method: 'GET' | 'POST'
  path: string
  /** Of a body that is JSON. */
  json?: object
  /** Of any other. */
  body?: Buffer
  type?: string
}

export const boundary = 'proof-of-bodies'

export const formPart = (disposition: string, body: string | Buffer, type = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type}\r\n`),
    Buffer.from(body as string),
    Buffer.from('\r\n'),
  ])

export const formEnd = Buffer.from(`--${boundary}--\r\n`)

/** `model` is the name that the service answers to. */
export async function honestRequests(model: string): Promise<Honest[]> {
  const picture = await png()
  const image = picture.toString('base64')
  const photo = (await jpeg()).toString('base64')
  const webp = (await twoColours().webp().toBuffer()).toString('base64')
  const json_schema = {
    type: 'object',
    properties: {
      colour: { type: 'string', maxLength: 5 },
      count: { type: 'integer', minimum: 0, maximum: 3 },
    },
    required: ['colour'],
    additionalProperties: false,
  }
  const sampling = {
    max_tokens: 2,
    temperature: 0.5,
    top_p: 0.9,
    top_k: 4,
    min_p: 0.1,
    repeat_penalty: 1.1,
    seed: 7,
  }
  const content = [
    { type: 'text', text: 'colour' },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${image}`, detail: 'low' } },
  ]
  const messages = [
    { role: 'system', content: 'short' },
    { role: 'user', content },
  ]
  const options = { num_predict: 2, temperature: 0, top_k: 4, top_p: 0.5, seed: 1, stop: ['.'] }
  const said = [
    { role: 'user', content: 'colour', images: [image] },
    { role: 'assistant', content: 'red' },
    { role: 'user', content: 'and now?' },
  ]
  const form = Buffer.concat([
    formPart('name="prompt"', 'colour'),
    formPart('name="max_tokens"', '2'),
    formPart('name="json_schema"', JSON.stringify(json_schema), 'Content-Type: application/json\r\n'),
    formPart('name="image"; filename="a.png"', picture, 'Content-Type: image/png\r\n'),
    formEnd,
  ])
  const page = Buffer.concat([
    formPart('name="prompt"', 'colour'),
    formPart('name="image"; filename="a.pdf"', pdf(2)),
    formEnd,
  ])
  const multipart = `multipart/form-data; boundary=${boundary}`
  const asking = (path: string, json: object): Honest => ({ method: 'POST', path, json })
  const reading = (path: string): Honest => ({ method: 'GET', path })
  return [
    asking('/infer', {
      prompt: 'colour',
      image,
      ...sampling,
      stop: ['.'],
      system: 'short',
      image_detail: 'low',
    }),
    asking('/infer', {
      prompt: 'colour',
      images: [image, photo],
      max_tokens: 2,
      stream: true,
      deadline_ms: 20_000,
    }),
    asking('/infer', { prompt: 'colour', image: webp, max_tokens: 8, temperature: 0, json_schema }),
    asking('/infer?dry_run=1', {
      prompt: 'colour',
      image: `data:image/jpeg;base64,${photo}`,
      max_tokens: 2,
      pdf_pages: 2,
    }),
    { method: 'POST', path: '/infer', body: form, type: multipart },
    { method: 'POST', path: '/infer', body: page, type: multipart },
    {
      method: 'POST',
      path: '/infer?prompt=colour&max_tokens=2&stop=a&stop=b',
      body: picture,
      type: 'image/png',
    },
    asking('/v1/chat/completions', {
      model,
      messages,
      max_tokens: 2,
      temperature: 0,
      top_p: 0.5,
      n: 1,
      seed: 3,
      stop: '.',
    }),
    asking('/v1/chat/completions', {
      messages,
      max_completion_tokens: 8,
      stream: true,
      stream_options: { include_usage: true },
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: json_schema } },
      presence_penalty: 0.5,
      frequency_penalty: 0.5,
    }),
    asking('/api/chat', { model, messages: said, options, keep_alive: '5m' }),
    asking('/api/generate', {
      model,
      prompt: 'colour',
      images: [image],
      stream: false,
      format: json_schema,
      options,
    }),
    {
      ...asking('/api/generate', { prompt: 'colour', images: [photo], options }),
      type: 'application/x-www-form-urlencoded',
    },
    asking('/api/show', { model, name: model }),
    asking('/v1/embeddings', { model, input: 'colour' }),
    asking('/api/pull', { model, insecure: true }),
    ...[
      '/',
      '/health',
      '/livez',
      '/metrics',
      '/page.js',
      '/docs',
      '/docs/json',
      '/docs/static/index.html',
    ].map(reading),
    ...['/v1/models', `/v1/models/${model}`, '/api/tags', '/api/version', '/api/ps'].map(reading),
  ]
}
