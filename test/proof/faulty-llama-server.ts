/**
 * The real llama-server behind a door that can be told to misbehave: a program that takes llama-server's arguments after
 * the real one's path, and asks at each request the file PROOF_FAULT which fault it has now. A new process is well.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'

/**
 * Deaf: answers nothing, its health included. Stalled: stops in the middle of an answer. Garbage: answers what nobody can
 * read. 500: refuses each question. Endless: answers on and on. All but the first say that they are healthy.
 */
export type Fault = 'deaf' | 'stalled' | 'garbage' | '500' | 'endless'

/** Makes it an executable in a folder. `turn` gives the process that runs then a fault. */
export function faultyEngine(folder: string, real: string): { path: string; turn(fault: Fault): void } {
  const path = join(folder, 'llama-server')
  const file = join(folder, 'fault')
  const words = [process.execPath, '--import', import.meta.resolve('tsx'), import.meta.filename, real]
  const quoted = words.map((word) => `'${word}'`).join(' ')
  writeFileSync(path, `#!/bin/sh\nPROOF_FAULT='${file}' exec ${quoted} "$@"\n`)
  chmodSync(path, 0o755)
  return { path, turn: (fault) => writeFileSync(file, fault) }
}

function serve(real: string, words: string[], faultFile: string): void {
  rmSync(faultFile, { force: true })
  const place = words.indexOf('--host') + 1
  const front = words[place]
  if (place === 0 || !front) return void spawn(real, words, { stdio: 'inherit' })
  const back = `${front}.real`
  const engine = spawn('setpriv', ['--pdeathsig', 'KILL', '--', real, ...words.with(place, back)], {
    stdio: 'inherit',
  })
  endWith(engine)
  createServer((request, response) => {
    const fault = faultIn(faultFile)
    if (fault === 'deaf') return
    const answers = request.method === 'POST' && request.url === '/v1/chat/completions'
    if (answers && misbehave(fault, response)) return
    pass(request, response, back, answers && fault === 'stalled')
  }).listen(front)
}

function endWith(engine: ChildProcess): void {
  engine.on('exit', (code) => process.exit(code ?? 1))
  process.on('SIGTERM', () => engine.kill('SIGTERM'))
}

function faultIn(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Whether it answered in the engine's place. */
function misbehave(fault: string, response: ServerResponse): boolean {
  const stream = () => response.writeHead(200, { 'content-type': 'text/event-stream' })
  if (fault === '500')
    response.writeHead(500).end('{"error":{"message":"no","type":"server_error","code":500}}')
  else if (fault === 'garbage') stream().end('data: \u0000\u001f{{{not json\n\ndata: [DONE]\n\n')
  else if (fault === 'endless') {
    stream()
    const token = JSON.stringify({ choices: [{ index: 0, delta: { content: 'on ' }, finish_reason: null }] })
    const telling = setInterval(() => response.write(`data: ${token}\n\n`), 20)
    response.on('close', () => clearInterval(telling))
  } else return false
  return true
}

/** Hands a request on, and the answer back: whole, or no more than its first piece. */
function pass(request: IncomingMessage, response: ServerResponse, socketPath: string, stalls: boolean): void {
  const { method, url: path, headers } = request
  const asking = httpRequest({ socketPath, method, path, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers)
    if (stalls) answer.once('data', (first) => response.write(first)).resume()
    else answer.pipe(response)
  })
  // It is not there yet, or its client has gone.
  asking.on('error', () => response.destroy())
  response.on('close', () => asking.destroy())
  request.pipe(asking)
}

if (process.argv[1] === import.meta.filename) {
  const [real = '', ...words] = process.argv.slice(2)
  serve(real, words, process.env.PROOF_FAULT ?? '')
}
