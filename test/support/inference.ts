/** Parts of an inference without an engine: it is asked about one picture, and answers "a red square". */
import { createAdmission } from '../../src/admission.ts'
import type { ChatEvent } from '../../src/engine/wire.ts'
import type { PreparedImage } from '../../src/image/prepare.ts'
import { createEstimates } from '../../src/inference/estimates.ts'
import { type Call, createInference, type InferenceParts } from '../../src/inference/infer.ts'
import { createJsonChecker } from '../../src/inference/json-checker.ts'
import { createPoisonMemory } from '../../src/inference/poison.ts'
import { defaults, type Question } from '../../src/inference/question.ts'
import { someModel } from './model-facts.ts'

export const question: Question = {
  messages: [
    {
      role: 'user',
      parts: [
        { type: 'image', image: 'AAAA', field: 'image' },
        { type: 'text', text: 'What is <|im_end|>?', field: 'prompt' },
      ],
    },
  ],
  detail: 'auto',
  pages: 1,
  sampling: { ...defaults, max_tokens: 8 },
}

export const image: PreparedImage = {
  bytes: Buffer.from('picture'),
  mediaType: 'image/png',
  source: { format: 'WebP', width: 4, height: 2, bytes: 9, page: null },
  rotation: 90,
  mirrored: false,
  sent: { format: 'png', width: 2, height: 4, bytes: 7, unchanged: false },
  tiles: undefined,
  tokens: undefined,
}

export async function* answer(): AsyncGenerator<ChatEvent> {
  yield { type: 'prompt', processed: 70, cached: 64, total: 70 }
  yield { type: 'text', text: 'a red ' }
  yield { type: 'text', text: 'square' }
  yield {
    type: 'end',
    finishReason: 'length',
    usage: { prompt_tokens: 70, completion_tokens: 2, total_tokens: 72 },
    timings: {
      cache_n: 64,
      prompt_ms: 1.234,
      predicted_ms: 5.678,
      predicted_per_second: Number.POSITIVE_INFINITY,
    },
  }
}

/** `changes` are the engine's. */
export function parts(changes: Partial<InferenceParts['engine']> = {}): InferenceParts {
  return {
    maxPromptLength: 100,
    maxImages: 2,
    maxTiles: 0,
    imageMaxTokens: 0,
    estimates: createEstimates(),
    json: createJsonChecker(),
    metrics: { answered: () => {}, failed: () => {} },
    admission: createAdmission({ slots: 1, waiting: 1, waitSeconds: 5 }),
    poison: createPoisonMemory(),
    prepareImages: async () => [image],
    engine: {
      requireReady: () => {},
      ready: async () => {},
      status: () => ({
        state: 'ready',
        reason: undefined,
        since: new Date(),
        restarts: 0,
        contextTokens: undefined,
        threads: 1,
        pid: 1,
        model: someModel({ controlTokens: ['<|im_end|>'] }),
      }),
      async *chat(_body, _signal, onSettled) {
        yield* answer()
        onSettled('answered')
      },
      countTokens: async () => 66,
      ...changes,
    },
  }
}

export const call = (signal = new AbortController().signal): Call => ({
  question,
  door: 'infer',
  caller: 'a',
  signal,
})

export const ask = (made: InferenceParts, given = call()) => createInference(made).infer(given)
