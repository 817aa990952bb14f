/** The service's Fastify app over an inference of the test's own making: no port, no engine. */

import { pino } from 'pino'
import type { Test } from 'tap'
import { type App, type AppParts, buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { toldSettings } from '../../src/engine/context.ts'
import type { PreparedImage } from '../../src/image/prepare.ts'
import type { Inference } from '../../src/inference/infer.ts'
import type { Answer, Question } from '../../src/inference/question.ts'
import { modelSettings } from '../../src/model/settings.ts'
import { someModel } from './model-facts.ts'

export const readyStatus = {
  state: 'ready' as const,
  reason: undefined,
  since: new Date('2024-01-13T12:00:00Z'),
  restarts: 2,
  contextTokens: 2048,
  threads: 3,
  pid: undefined,
  model: someModel({ description: 'a model of headers' }),
}

export const somePicture: PreparedImage = {
  bytes: Buffer.from('picture'),
  mediaType: 'image/png',
  source: { format: 'PNG', width: 1, height: 1, bytes: 1, page: null },
  rotation: 0,
  mirrored: false,
  sent: { format: 'png', width: 1, height: 1, bytes: 1, unchanged: true },
  tiles: undefined,
  tokens: undefined,
}

export const textOf = ({ messages }: Question): string =>
  messages
    .flatMap(({ parts }) => parts)
    .flatMap((part) => (part.type === 'text' ? [part.text] : []))
    .join('|')

export const answerOf = (text: string): Answer => ({
  text,
  finishReason: 'stop',
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  images: [somePicture],
  cachedTokens: 1,
  tokensPerSecond: 1,
  timings: { queue: 1, image: 2, prompt: 3, generation: 4, total: 10 },
  jsonFault: undefined,
})

/** Answers with the question's own texts, word by word. */
export const echo: Inference['infer'] = async ({ question, tell = () => {} }) => {
  const text = textOf(question)
  tell({ type: 'queued', position: 0, secondsLeft: 0 })
  tell({ type: 'image', image: somePicture, done: 1, total: 1 })
  tell({ type: 'prompt', processed: 3, cached: 1, total: 3, secondsLeft: null })
  for (const word of text.split(/(?<= )/)) tell({ type: 'token', text: word })
  return answerOf(text)
}

export type TestParts = Partial<Omit<AppParts, 'config' | 'inference'>> & Partial<Inference>

export async function testApp(
  t: Test,
  { infer = echo, requireRoom = () => {}, plan, ...parts }: TestParts = {},
  env: Record<string, string> = {},
): Promise<App> {
  const config = loadConfig({ MODEL_NAME: 'tiny.gguf', ...env })
  const app = await buildApp({
    config,
    model: () => toldSettings(modelSettings(config), undefined),
    version: '1.2.3',
    inference: { requireRoom, infer, plan: plan ?? (() => Promise.reject(new Error('no plan'))) },
    metrics: { requested: () => {}, exposition: async () => ({ mediaType: 'text/plain', text: 'figures' }) },
    modelFile: async () => ({ bytes: 9, modified: new Date('2024-01-13T12:00:00Z') }),
    engineStatus: () => readyStatus,
    shutdown: new AbortController().signal,
    draining: () => false,
    log: pino({ level: 'silent' }),
    ...parts,
  })
  t.teardown(() => app.close())
  return app
}

/** An app that answers by `infer`, and the questions that it was asked; a plan hears them too. */
export async function listening(t: Test, infer: TestParts['infer'] = echo) {
  const questions: Question[] = []
  const app = await testApp(t, {
    infer: (call) => {
      questions.push(call.question)
      return infer(call)
    },
    plan: async ({ question }) => {
      questions.push(question)
      return { images: [], promptTokens: 7, ahead: 0, seconds: null }
    },
  })
  return { app, questions }
}
