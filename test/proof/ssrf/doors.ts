/** One address at every door, wherever a picture may stand, and as what a model, a schema or a text may hold. */
import { redSquare } from '../../../src/plain-squares.ts'
import { boundary, formEnd, formPart } from '../bodies/honest.ts'
import type { Attempt } from '../bodies/mutations.ts'

const json = (path: string, body: object): Attempt => ({
  method: 'POST',
  path,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify(body)),
})

const form = (parts: Buffer[]): Attempt => ({
  method: 'POST',
  path: '/infer',
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  body: Buffer.concat([...parts, formEnd]),
})

const prompt = formPart('name="prompt"', 'colour')
const part = (url: string) => ({ type: 'image_url', image_url: { url } })
const text = { type: 'text', text: 'colour' }

/** The picture is at `url`. */
export const picturesAt: readonly ((url: string) => Attempt)[] = [
  (url) => json('/infer', { prompt: 'colour', image: url, max_tokens: 1 }),
  (url) => json('/infer', { prompt: 'colour', images: [redSquare, url], max_tokens: 1 }),
  (url) => json('/infer?dry_run=1', { prompt: 'colour', image: url }),
  (url) => form([prompt, formPart('name="image"', url)]),
  (url) =>
    json('/v1/chat/completions', { messages: [{ role: 'user', content: [part(url), text] }], max_tokens: 1 }),
  (url) =>
    json('/api/generate', { prompt: 'colour', images: [url], stream: false, options: { num_predict: 1 } }),
  (url) =>
    json('/api/chat', {
      messages: [{ role: 'user', content: 'colour', images: [url] }],
      stream: false,
      options: { num_predict: 1 },
    }),
]

/** The picture is there; the address is told in words, or as a piece of a schema. */
export const wordsWith: readonly ((url: string) => Attempt)[] = [
  (url) =>
    json('/infer', {
      prompt: `![](${url}) <img src="${url}"> ${url}`,
      image: redSquare,
      system: url,
      max_tokens: 2,
    }),
  (url) => json('/infer', { prompt: 'colour', image: redSquare, max_tokens: 2, json_schema: { $ref: url } }),
  (url) =>
    json('/infer', {
      prompt: 'colour',
      image: redSquare,
      max_tokens: 2,
      json_schema: { $schema: url, $id: url, type: 'null' },
    }),
  (url) =>
    json('/infer', {
      prompt: 'colour',
      image: redSquare,
      max_tokens: 2,
      json_schema: { anyOf: [{ $ref: `${url}#/a` }] },
    }),
  (url) =>
    form([
      formPart('name="prompt"', url),
      formPart(`name="image"; filename="${url}"`, Buffer.from(redSquare, 'base64')),
    ]),
  (url) =>
    json('/v1/chat/completions', { model: url, messages: [{ role: 'user', content: url }], max_tokens: 1 }),
  (url) =>
    json('/v1/chat/completions', {
      messages: [
        { role: 'system', content: url },
        { role: 'user', content: [part(`data:image/png;base64,${redSquare}`), { type: 'text', text: url }] },
      ],
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'a', schema: { type: 'object', properties: { a: { $ref: url } } } },
      },
      max_tokens: 2,
      image_url: url,
      grammar: url,
    }),
  (url) =>
    json('/api/generate', {
      prompt: url,
      system: url,
      images: [redSquare],
      format: { $ref: url },
      stream: false,
      template: url,
      options: { num_predict: 2 },
    }),
  (url) =>
    json('/api/chat', {
      messages: [{ role: 'user', content: `[img-1] ${url}`, images: [redSquare] }],
      stream: false,
      options: { num_predict: 2, url },
    }),
]
