/** Servers that models are pulled from, which misbehave as told, and pulls from them. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { PullProgress } from '../../src/pull/download.ts'
import { type PullOptions, pull } from '../../src/pull/pull.ts'
import { until } from './until.ts'

export const someGguf = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from('GGUF'), randomBytes(bytes - 4)])
export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

export type Respond = (request: IncomingMessage, response: ServerResponse) => void

export async function serve(t: Test, answer: Respond): Promise<{ url: string; asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server = createServer((request, response) => {
    asked.push(request)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

export type File = {
  bytes: Buffer
  etag?: string
  ranges?: boolean
  /** GETs that are cut off: after so many bytes of their answer. */
  cuts?: number[]
  /** Bytes of bodies that were sent. */
  sent?: number
}

/** Answers as a web server does that knows ranges and etags. */
export function sendFile(file: File, request: IncomingMessage, response: ServerResponse): void {
  const { bytes, etag, ranges = true } = file
  if (etag) response.setHeader('etag', etag)
  const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
  const condition = request.headers['if-range']
  const start = ranges && asked && (!condition || condition === etag) ? Number(asked[1]) : 0
  if (start >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const body = bytes.subarray(start)
  response.setHeader('content-length', body.length)
  if (start > 0) {
    response.setHeader('content-range', `bytes ${start}-${bytes.length - 1}/${bytes.length}`)
    response.statusCode = 206
  }
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  const cut = file.cuts?.shift()
  file.sent = (file.sent ?? 0) + (cut ?? body.length)
  if (cut === undefined) response.end(body)
  else sendCut(response, body.subarray(0, cut), start + cut)
}

/** Bytes that the last progress told of: what the other side has kept. */
let kept = 0

/** Sends the beginning of a body and cuts the connection once its bytes, `end` of the file by then, are kept. */
export function sendCut(response: ServerResponse, bytes: Buffer, end: number): void {
  response.write(bytes)
  until(() => kept >= end, 'the bytes before a cut').then(
    () => response.destroy(),
    () => response.destroy(),
  )
}

export function puller(t: Test, more: Partial<PullOptions> = {}) {
  const folder = more.folder ?? t.testdir()
  const progress: PullProgress[] = []
  const run = (source: string, env: NodeJS.ProcessEnv = {}) => {
    kept = 0
    return pull(source, {
      folder,
      env,
      progress: (one) => {
        progress.push(one)
        kept = one.doneBytes
      },
      signal: AbortSignal.timeout(20_000),
      pauseMs: 1,
      ...more,
    })
  }
  return { folder, progress, run }
}

export const problem = (message: RegExp) => ({ name: 'PullProblem', message })

/** A hub as Hugging Face is: lists of files, and files that another host gives. */
export async function hub(t: Test, paths: string[], pageSize = 100) {
  const contents = new Map(paths.map((path) => [path, someGguf(20_000 + path.length)]))
  const store = await serve(t, (request, response) => {
    sendFile({ bytes: contents.get(decodeURI(request.url ?? '').slice(1)) as Buffer }, request, response)
  })
  const entries = paths.map((path) => {
    const bytes = contents.get(path) as Buffer
    return { type: 'file', path, size: 130, lfs: { oid: sha256(bytes), size: bytes.length } }
  })
  const main = await serve(t, (request, response) => {
    const url = new URL(request.url ?? '', 'http://hub')
    if (url.pathname === '/api/models/owner/Vision-GGUF/tree/main') {
      const from = Number(url.searchParams.get('cursor') ?? 0)
      const next = from + pageSize
      if (next < entries.length)
        response.setHeader('link', `<${main.url}${url.pathname}?recursive=1&cursor=${next}>; rel="next"`)
      const folder = { type: 'directory', path: 'x.gguf', size: 0 }
      response.end(
        JSON.stringify([
          folder,
          { ...folder, type: 'file', path: 'README.md' },
          ...entries.slice(from, next),
        ]),
      )
      return
    }
    const path = /^\/owner\/Vision-GGUF\/resolve\/main\/(.*)$/.exec(url.pathname)?.[1]
    response.writeHead(path ? 302 : 404, { location: `${store.url}/${path}` }).end()
  })
  const env: NodeJS.ProcessEnv = { HF_ENDPOINT: `${main.url}/`, HF_TOKEN: 'hf_secret' }
  return { env, main, store, contents }
}
