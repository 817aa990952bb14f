/** What a browser would send for the page of a stranger: none of it may be answered. */
import { request as httpRequest } from 'node:http'
import { encodeScene } from '../../../models/drawings/pictures.ts'
import { heldOutQuestions } from '../../../models/drawings/questions.ts'
import { judged, none } from '../row.ts'
import { withService } from '../service.ts'

export const name = 'browsers of strangers'
export const must = '0 of rebinding, form, fetch'

type Attempt = {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string | Buffer
}

const stranger = 'http://stranger.example'
/** What every browser of today adds by itself and no page can take away. */
const crossSite = (mode: string, target = 'empty') => ({
  origin: stranger,
  referer: `${stranger}/`,
  'sec-fetch-site': 'cross-site',
  'sec-fetch-mode': mode,
  'sec-fetch-dest': target,
})

/** Names by which a stranger's page reaches 127.0.0.1 once its own name points there. */
const rebound = [
  'stranger.example',
  'stranger.example:5000',
  'localhost.stranger.example',
  '127.0.0.1.stranger.example',
]
const types = ['application/x-www-form-urlencoded', 'text/plain', 'text/plain;charset=UTF-8']

export const run = () =>
  withService({}, async ({ url }) => {
    const [first] = heldOutQuestions(1)
    if (!first) throw new Error('no question')
    const picture = await encodeScene(first.scene, 'png')
    const bodies = bodiesOf(picture.toString('base64'))
    const count = (attempts: Attempt[]) => answeredOf(url, attempts)
    const json = Object.entries(bodies).map(([path, body]) => ({ path, body: JSON.stringify(body) }))

    const rebinding: Attempt[] = rebound.flatMap((host) => [
      ...json.map(({ path, body }) => ({
        method: 'POST' as const,
        path,
        headers: {
          host,
          origin: `http://${host}`,
          'sec-fetch-site': 'same-origin',
          'content-type': 'application/json',
        },
        body,
      })),
      // What the page would read before: models, figures, health.
      ...['/health', '/metrics', '/v1/models', '/api/tags', '/'].map((path) => ({
        method: 'GET' as const,
        path,
        headers: { host, 'sec-fetch-site': 'same-origin' },
      })),
    ])
    const form = multipart(picture)
    const forms: Attempt[] = [
      {
        method: 'POST',
        path: '/infer',
        headers: { ...crossSite('navigate', 'document'), ...form.headers },
        body: form.body,
      },
      {
        method: 'POST',
        path: '/infer?prompt=colour',
        headers: { ...crossSite('navigate', 'iframe'), ...form.headers },
        body: form.body,
      },
      // An old browser, or one that hides where it comes from.
      { method: 'POST', path: '/infer', headers: { origin: 'null', ...form.headers }, body: form.body },
      ...json.flatMap(({ path, body }) =>
        types.map((type) => ({
          method: 'POST' as const,
          path,
          headers: { ...crossSite('navigate', 'document'), 'content-type': type },
          body,
        })),
      ),
    ]
    const fetches: Attempt[] = [
      ...json.flatMap(({ path, body }) =>
        [...types, 'application/json'].map((type) => ({
          method: 'POST' as const,
          path,
          headers: { ...crossSite('no-cors'), 'content-type': type },
          body,
        })),
      ),
      {
        method: 'POST',
        path: '/infer?prompt=colour',
        headers: { ...crossSite('no-cors'), 'content-type': 'image/png' },
        body: picture,
      },
      {
        method: 'POST',
        path: '/infer',
        headers: { ...crossSite('no-cors'), ...form.headers },
        body: form.body,
      },
    ]
    return judged([
      none(`rebinding, of ${rebinding.length}:`, await count(rebinding)),
      none(`form, of ${forms.length}:`, await count(forms)),
      none(`fetch, of ${fetches.length}:`, await count(fetches)),
    ])
  })

const bodiesOf = (image: string) => {
  const content = [
    { type: 'image_url', image_url: { url: `data:image/png;base64,${image}` } },
    { type: 'text', text: 'colour' },
  ]
  return {
    '/infer': { prompt: 'colour', image, max_tokens: 1 },
    '/v1/chat/completions': { model: 'demo', messages: [{ role: 'user', content }], max_tokens: 1 },
    '/api/generate': {
      model: 'demo',
      prompt: 'colour',
      images: [image],
      stream: false,
      options: { num_predict: 1 },
    },
    '/api/chat': {
      model: 'demo',
      messages: [{ role: 'user', content: 'colour', images: [image] }],
      stream: false,
    },
  }
}

function multipart(picture: Buffer) {
  const boundary = 'proof'
  const part = (disposition: string) => `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n`
  const body = Buffer.concat([
    Buffer.from(
      `${part('name="prompt"')}\r\ncolour\r\n${part('name="image"; filename="a.png"')}Content-Type: image/png\r\n\r\n`,
    ),
    picture,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  return { headers: { 'content-type': `multipart/form-data; boundary=${boundary}` }, body }
}

/** How many were answered as if one of the house had asked. */
async function answeredOf(url: string, attempts: Attempt[]): Promise<number> {
  let answered = 0
  for (const attempt of attempts) if ((await statusOf(url, attempt)) < 400) answered += 1
  return answered
}

/** By node:http, since fetch sets Host and Origin by itself. */
const statusOf = (url: string, { method, path, headers, body }: Attempt): Promise<number> =>
  new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const sending = httpRequest(
      `${url}${path}`,
      { method, headers: { ...headers, ...length }, agent: false },
      (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', reject)
      },
    )
    sending.setTimeout(30_000, () => sending.destroy(new Error('no answer')))
    sending.on('error', reject)
    sending.end(body)
  })
