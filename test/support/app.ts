/** The service's Fastify app over an inference of the test's own making: no port, no engine. */

import { pino } from 'pino'
import type { Test } from 'tap'
import { type App, type AppParts, buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { timestamp } from '../../src/inference/contract.ts'
import type { Infer } from '../../src/inference/infer.ts'
import { someModel } from './model-facts.ts'

export const readyStatus = {
  state: 'ready' as const,
  reason: undefined,
  since: new Date('2024-01-13T12:00:00Z'),
  restarts: 2,
  threads: 3,
  model: someModel({ description: 'a model of headers' }),
}

/** Answers as the real one does, with the prompt as its text. */
export const echo: Infer = async ({ request, requestId, ignoredFields }) => ({
  success: true,
  response_text: request.prompt,
  model: 'tiny.gguf',
  timestamp: timestamp(),
  token_usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  metadata: {
    max_tokens: request.max_tokens,
    temperature: request.temperature,
    top_p: request.top_p,
    image_detail: request.image_detail,
    finish_reason: 'stop',
    image: {
      format: 'PNG',
      width: 1,
      height: 1,
      bytes: 1,
      rotation: 0,
      mirrored: false,
      sent: { format: 'png', width: 1, height: 1, bytes: 1, unchanged: true },
      tiles: null,
    },
    cached_prompt_tokens: 0,
    tokens_per_second: 1,
    timings_ms: { queue: 0, image: 0, prompt: 0, generation: 0, total: 0 },
    request_id: requestId,
    ignored_fields: ignoredFields,
  },
  error: null,
})

export async function testApp(
  t: Test,
  parts: Partial<Omit<AppParts, 'config'>> = {},
  env: Record<string, string> = {},
): Promise<App> {
  const app = await buildApp({
    config: loadConfig({ MODEL_NAME: 'tiny.gguf', ...env }),
    version: '1.2.3',
    infer: echo,
    engineStatus: () => readyStatus,
    shutdown: new AbortController().signal,
    draining: () => false,
    log: pino({ level: 'silent' }),
    ...parts,
  })
  t.teardown(() => app.close())
  return app
}
