import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { answerFailures } from '../../../src/http/failure.ts'
import { acceptUploads } from '../../../src/http/upload.ts'
import { must, type Target } from '../target.ts'

const app = fastify()
const limits = { maxBodyBytes: 4096, maxFields: 8 }
const schema = Type.Object({ prompt: Type.String(), images: Type.Optional(Type.Array(Type.String())) })
answerFailures(app, limits)
await acceptUploads(app, schema, limits)
app.post('/', async (request) => ({ uploads: request.uploads.length, body: request.body }))

const part = (name: string, body: string, more = '') =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${body}\r\n`

export const target: Target = {
  async run(payload) {
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const { statusCode, json } = await app.inject({ method: 'POST', url: '/', headers, payload })
    must(statusCode < 500, `a form is the caller's matter, not ${statusCode}`)
    if (statusCode !== 200) must(typeof json().details.code === 'string', 'a refusal has its code')
  },
  seeds: [
    `${part('prompt', 'hello')}${part('image', 'PNG', '; filename="a.png"')}--b--\r\n`,
    `${part('prompt', 'a')}${part('prompt', 'b')}${part('json_schema', '{}')}--b--`,
    `preamble\r\n${part('x', '', "; filename*=UTF-8''%41.png")}--b--epilogue`,
    '--b\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name=prompt\r\n\r\n{"a":\r\n--b--',
  ],
  tokens: [
    '--b',
    '--b--',
    '\r\n',
    '\r\n\r\n',
    'name="',
    'filename="',
    '__proto__',
    'Content-Type: ',
    '; ',
    '\0',
  ],
  mostBytes: 2048,
}
