/** The real llama-server on a socket of its own, asked directly: for what the gateway does not pass on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import sharp from 'sharp'
import type { Test } from 'tap'
import { Agent, request } from 'undici'
import { packageRoot } from '../../src/config.ts'

export const engineProgram = (name: 'llama-server' | 'llama-quantize'): string =>
  join(packageRoot, '.engine/bin', name)

export type EngineAnswer = {
  content: string
  tokens: number[]
  /** For each generated token the log probability of every token, by its id. */
  logProbabilities: Float64Array[]
  promptTokens: number
  cachedTokens: number
}

export type Question = {
  /** `<__media__>` stands for a picture. */
  prompt: string
  /** PNG files. */
  pictures?: Buffer[]
  tokens?: number
  slot?: number
  reuse?: boolean
}

/** Chat text around a user's words, as the model was trained. */
export const asked = (words: string): string =>
  `<|start_header_id|>user<|end_header_id|>\n\n${words}<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n`

/** A picture as a function of its size, the same in Python (test/llama-vision/oracle/reference.py). */
export async function patternPicture(width: number, height: number): Promise<Buffer> {
  const pixels = Buffer.alloc(width * height * 3)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        pixels[(y * width + x) * 3 + channel] = (x * 7 + y * 13 + channel * 50 + ((x * y) >> 5)) & 255
      }
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}

/** Bytes that are no characters by themselves: llama-server keeps back the probabilities of such a token. */
const brokenCharacters = Array.from({ length: 128 }, (_, index) => [index + 128, false] as const)

export class LlamaServer {
  readonly #child: ChildProcess
  readonly #dispatcher: Agent
  readonly #vocabulary: number
  #log = ''

  private constructor(child: ChildProcess, socketPath: string, vocabulary: number) {
    this.#child = child
    this.#dispatcher = new Agent({ connect: { socketPath }, pipelining: 0 })
    this.#vocabulary = vocabulary
  }

  /** Started with what every test wants; stopped with the test. */
  static async start(
    t: { teardown: Test['teardown'] } | { teardown: (stop: () => unknown) => void },
    options: string[],
    {
      vocabulary = 513,
      environment = {},
    }: { vocabulary?: number; environment?: Record<string, string> } = {},
  ): Promise<LlamaServer> {
    const socketPath = join(mkdtempSync(join(tmpdir(), 'llama-server-')), 's.sock')
    const usual = ['--host', socketPath, '--threads', '1', '--offline', '--fit', 'off', '--cache-ram', '0']
    const child = spawn(engineProgram('llama-server'), [...usual, ...options], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, HOME: tmpdir(), LLAMA_MEDIA_MARKER: '<__media__>', ...environment },
    })
    const server = new LlamaServer(child, socketPath, vocabulary)
    child.stderr?.on('data', (piece) => {
      server.#log += piece
    })
    t.teardown(() => server.stop())
    while (!(await server.#isHealthy())) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(server.#log)
      await sleep(20)
    }
    return server
  }

  async #isHealthy(): Promise<boolean> {
    return await this.get('/health').then(
      ({ status }) => status === 200,
      () => false,
    )
  }

  /** All that it said so far. */
  get log(): string {
    return this.#log
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
    await this.#dispatcher.close()
  }

  async get(path: string): Promise<{ status: number; body: unknown }> {
    const { statusCode, body } = await request(`http://engine${path}`, { dispatcher: this.#dispatcher })
    return { status: statusCode, body: await body.json() }
  }

  async post(
    path: string,
    content: object,
    signal?: AbortSignal,
  ): Promise<{ status: number; body: unknown }> {
    const { statusCode, body } = await request(`http://engine${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(content),
      dispatcher: this.#dispatcher,
      ...(signal ? { signal } : {}),
    })
    return { status: statusCode, body: await body.json() }
  }

  completion({ prompt, pictures = [], tokens = 1, slot = -1, reuse = false }: Question): object {
    return {
      prompt:
        pictures.length === 0
          ? prompt
          : {
              prompt_string: prompt,
              multimodal_data: pictures.map((picture) => picture.toString('base64')),
            },
      n_predict: tokens,
      temperature: 0,
      samplers: ['temperature'],
      n_probs: this.#vocabulary,
      return_tokens: true,
      ignore_eos: true,
      logit_bias: brokenCharacters,
      id_slot: slot,
      cache_prompt: reuse,
    }
  }

  /** Greedy; throws for anything but an answer. */
  async ask(question: Question): Promise<EngineAnswer> {
    const { status, body } = await this.post('/completion', this.completion(question))
    if (status !== 200) throw new Error(JSON.stringify(body))
    const answer = body as Completion
    return {
      content: answer.content,
      tokens: answer.tokens,
      logProbabilities: answer.completion_probabilities.map(({ top_logprobs }) => {
        const all = new Float64Array(this.#vocabulary).fill(Number.NEGATIVE_INFINITY)
        for (const { id, logprob } of top_logprobs) all[id] = logprob
        return all
      }),
      promptTokens: answer.tokens_evaluated,
      cachedTokens: answer.timings.cache_n,
    }
  }

  async tokenize(content: string): Promise<number[]> {
    const { body } = await this.post('/tokenize', { content, add_special: false })
    return (body as { tokens: number[] }).tokens
  }

  async detokenize(tokens: number[]): Promise<string> {
    const { body } = await this.post('/detokenize', { tokens })
    return (body as { content: string }).content
  }

  /** Of one token after the prompt. */
  async logProbability(question: Question, token: number): Promise<number> {
    const nextOnly = { logit_bias: [[token, 1e4]], n_probs: 1 }
    const { body } = await this.post('/completion', { ...this.completion(question), ...nextOnly })
    const [chosen] = (body as Completion).completion_probabilities
    if (chosen?.id !== token) throw new Error(`${chosen?.id} was chosen instead of ${token}`)
    return chosen.logprob
  }
}

type Completion = {
  content: string
  tokens: number[]
  tokens_evaluated: number
  timings: { cache_n: number }
  completion_probabilities: { id: number; logprob: number; top_logprobs: { id: number; logprob: number }[] }[]
}

/** Normalised mean squared error over the tokens that can be outputs. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const pairs = Array.from(expected, (value, index) => [actual[index] ?? Number.NaN, value] as const)
  const finite = pairs.filter(([, value]) => value > -1e30)
  const mean = finite.reduce((sum, [, value]) => sum + value, 0) / finite.length
  const error = finite.reduce((sum, [got, value]) => sum + (got - value) ** 2, 0)
  return error / finite.reduce((sum, [, value]) => sum + (value - mean) ** 2, 0)
}

/** The largest of the distances, token by token. */
export const answersDistance = (actual: EngineAnswer, expected: EngineAnswer): number =>
  Math.max(
    ...expected.logProbabilities.map((values, index) =>
      distance(actual.logProbabilities[index] ?? [], values),
    ),
  )
