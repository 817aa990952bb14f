/**
 * What every front door turns its request into, and what it hears back: one path inside, whatever words the client
 * speaks. Fields that a door does not offer keep the defaults of `defaults`, which are sent to the engine explicitly,
 * because a model file may carry others.
 */
import type { ChatUsage, FinishReason } from '../engine/wire.ts'
import type { PreparedImage } from '../image/prepare.ts'
import type { ImageSource } from '../image/receive.ts'
import type { ImageDetail } from '../image/tiles.ts'

/** `field` is where the caller put it, for errors to name. */
export type TextPart = { type: 'text'; text: string; field: string }

export type Part = TextPart | { type: 'image'; image: ImageSource; field: string }

export type Message = { role: 'system' | 'user' | 'assistant'; parts: Part[] }

/** A JSON Schema that the answer has to follow. */
export type JsonSchema = Record<string, unknown>

export type Sampling = {
  /** Most tokens in the answer, from 1 to the context's size. */
  max_tokens: number
  /** From 0 to 2; 0 always takes the likeliest token. */
  temperature: number
  /** Above 0, at most 1. */
  top_p: number
  /** Likeliest tokens to choose from; 0 is all. */
  top_k: number
  /** Least likelihood beside the likeliest token's, from 0 to 1. */
  min_p: number
  /** From 0.01; 1 is none. */
  repeat_penalty: number
  /** Last tokens that `repeat_penalty` looks at; 0 is none. */
  repeat_last_n?: number
  presence_penalty?: number
  frequency_penalty?: number
  seed?: number
  /** Texts at which the answer ends; they are not part of it. */
  stop: string[]
}

export const defaults: Sampling = {
  max_tokens: 256,
  temperature: 0.7,
  top_p: 0.95,
  top_k: 40,
  min_p: 0.05,
  repeat_penalty: 1,
  stop: [],
}

export type Question = {
  messages: Message[]
  detail: ImageDetail
  /** Most pages of each PDF among the pictures. */
  pages: number
  sampling: Sampling
  /** `true` asks for any JSON value. */
  json?: JsonSchema | true | undefined
}

/**
 * What is told while a question is under way, in this order; `queued` again each time the place changes. `secondsLeft` is
 * by what past requests took, null before there was one.
 */
export type InferenceEvent =
  /** Requests that have to end before this one starts, and seconds until then. */
  | { type: 'queued'; position: number; secondsLeft: number | null }
  /** A picture is ready to be shown; `done` of `total`. */
  | { type: 'image'; image: PreparedImage; done: number; total: number }
  /** The engine has the question; a picture in it is one step, which may take minutes. Seconds to the first word. */
  | { type: 'prompt'; processed: number; cached: number; total: number; secondsLeft: number | null }
  /** Layers of that step; `secondsLeft` by what those done took. Between two of `prompt`, where the model tells them. */
  | { type: 'picture'; done: number; total: number; secondsLeft: number }
  | { type: 'token'; text: string }

/** Milliseconds of each stage. */
export type Timings = { queue: number; image: number; prompt: number; generation: number; total: number }

/** Why an answer does not follow the schema it was asked for. */
export type JsonFault = { reason: 'truncated' | 'invalid'; message: string }

export type Answer = {
  text: string
  finishReason: FinishReason
  usage: ChatUsage
  images: PreparedImage[]
  cachedTokens: number
  tokensPerSecond: number
  timings: Timings
  /** Undefined when no JSON was asked for, null when the answer is as asked. */
  jsonFault: JsonFault | null | undefined
}
