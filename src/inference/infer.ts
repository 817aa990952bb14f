/**
 * One question in a straight line: room -> pictures -> slot -> engine -> answer. Everything taken is given back in
 * `finally`, in reverse; the one signal stops whatever is under way. Every door asks here, whatever its words are.
 */
import type { Admission, Wait } from '../admission.ts'
import type { Settled } from '../engine/conduct.ts'
import type { Engine } from '../engine/supervisor.ts'
import { Failure } from '../errors.ts'
import { hundredths } from '../hundredths.ts'
import type { PreparedImage, PrepareImages } from '../image/prepare.ts'
import type { Door, Metrics, Stages } from '../metrics.ts'
import { tilesInRoom } from '../model/picture-room.ts'
import { pictureShare, toldCost, usualContext } from '../model/picture-share.ts'
import { chatBody } from './chat.ts'
import { collect } from './collect.ts'
import type { Estimates } from './estimates.ts'
import { jsonCheck } from './json-answer.ts'
import type { JsonChecker } from './json-checker.ts'
import type { PoisonMemory } from './poison.ts'
import { loadOf, type PreparedQuestion, preparedQuestion, requireImageCount } from './prepared.ts'
import { neutralizer, requireLength } from './prompt.ts'
import type { Answer, InferenceEvent, JsonSchema, Question } from './question.ts'
import { inOneDialect } from './schema-dialect.ts'
import { inTurns } from './turns.ts'

export type InferenceParts = {
  /** UTF-16 units of all texts of a question together. */
  maxPromptLength: number
  maxImages: number
  /** As in `RoomSettings`. */
  maxTiles: number
  /** As in `ModelSettings`. */
  imageMaxTokens: number
  admission: Admission
  engine: Pick<Engine, 'requireReady' | 'ready' | 'chat' | 'countTokens' | 'status'>
  estimates: Estimates
  json: JsonChecker
  metrics: Pick<Metrics, 'answered' | 'failed'>
  poison: PoisonMemory
  prepareImages: PrepareImages
}

export type Call = {
  question: Question
  door: Door
  /** Who takes turns with others. */
  caller: string
  signal: AbortSignal
  /** Hears what happens on the way to the answer. */
  tell?: (event: InferenceEvent) => void
}

/** What a question would take, without the engine working on it. */
export type Plan = {
  images: PreparedImage[]
  promptTokens: number
  /** Requests that have to end first. */
  ahead: number
  /** Seconds by what past requests took; null while none of the kind has been answered. */
  seconds: { queue: number; prompt: number; generation: number } | null
}

export type Inference = ReturnType<typeof createInference>

export function createInference(parts: InferenceParts) {
  const { admission, engine, estimates, json, metrics, poison, prepareImages } = parts
  const { imageMaxTokens, maxImages, maxTiles } = parts
  // Built once a model, not once a request: some vocabularies hold thousands of control tokens.
  let neutralize: { tokens: readonly string[]; apply: (prompt: string) => string } | undefined

  /** Before a body is read. Throws as `infer` would if it were asked now. */
  function requireRoom({ door, caller }: Pick<Call, 'door' | 'caller'>): void {
    try {
      admission.requireRoom(caller)
    } catch (error) {
      metrics.failed(door, error instanceof Failure ? error.code : 'internal_error')
      throw error
    }
  }

  async function infer(call: Call): Promise<Answer> {
    try {
      const answer = await answered(call)
      const { prompt_tokens: prompt, completion_tokens } = answer.usage
      metrics.answered(call.door, answer.finishReason, stagesOf(answer), {
        prompt,
        cached: answer.cachedTokens,
        answer: completion_tokens,
      })
      return answer
    } catch (error) {
      metrics.failed(call.door, error instanceof Failure ? error.code : 'internal_error')
      throw error
    }
  }

  async function answered({ question: asked, caller, signal, tell = () => {} }: Call): Promise<Answer> {
    const clock = stopwatch()
    const question = checked(asked)
    engine.requireReady()
    const ticket = admission.enter(caller)
    let engineHolds = false
    let done = false
    try {
      await requireUsable(question.json, signal)
      const tellPlace = ({ ahead, seconds }: Wait) =>
        tell({ type: 'queued', position: ahead, secondsLeft: seconds })
      tellPlace(ticket.wait)
      const prepared = await prepare(question, signal, tell)
      poison.requireHarmless(prepared)
      const load = loadOf(prepared)
      const { images } = load
      const expected = estimates.expect(load)
      if (expected) ticket.expect(expected.prompt + expected.answer)
      const imageMs = clock.lap()
      await ticket.slot(signal, tellPlace)
      await engine.ready(signal)
      // The same may have ended the engine while this one waited.
      poison.requireHarmless(prepared)
      const queueMs = clock.lap()
      const body = chatBody(prepared, safe())
      const expectedMs = expected ? expected.prompt * 1000 : undefined
      const settle = poison.handOver(prepared)
      engineHolds = true
      const onSettled = (settled: Settled) => {
        settle(settled)
        engineHolds = false
        // Who is not answered yet stays inside, or a service that stops would break off the check of the answer.
        if (done) ticket.leave()
        else ticket.giveSlotBack()
      }
      const { text, end } = await collect(
        engine.chat(body, signal, onSettled, expectedMs),
        tell,
        expected?.prompt,
      )
      estimates.learn(load, end)
      return {
        text,
        finishReason: end.finishReason,
        usage: end.usage,
        images,
        cachedTokens: end.timings.cache_n,
        tokensPerSecond: hundredths(end.timings.predicted_per_second),
        timings: {
          queue: queueMs,
          image: imageMs,
          prompt: hundredths(end.timings.prompt_ms),
          generation: hundredths(end.timings.predicted_ms),
          total: clock.total(),
        },
        jsonFault: await faultOf({ text, finishReason: end.finishReason }, question.json, signal),
      }
    } finally {
      done = true
      // From the chat on, the slot is free only when the engine says so.
      if (!engineHolds) ticket.leave()
    }
  }

  /** What `infer` would do, as far as it can be known beforehand. Takes room while it looks, but no slot. */
  async function plan({ question: asked, caller, signal }: Omit<Call, 'door'>): Promise<Plan> {
    const question = checked(asked)
    engine.requireReady()
    const queueSeconds = admission.waitSeconds(caller)
    const ticket = admission.enter(caller)
    try {
      await requireUsable(question.json, signal)
      const prepared = await prepare(question, signal)
      poison.requireHarmless(prepared)
      const load = loadOf(prepared)
      const promptTokens = await counted(prepared, signal)
      const expected = estimates.expect(load)
      return {
        images: load.images,
        promptTokens,
        ahead: ticket.wait.ahead,
        seconds: expected && {
          queue: hundredths(queueSeconds),
          prompt: expected.prompt,
          generation: expected.generation,
        },
      }
    } finally {
      ticket.leave()
    }
  }

  /** To count, the engine looks at the pictures, which can end it as an answer can. */
  async function counted(prepared: PreparedQuestion, signal: AbortSignal): Promise<number> {
    const settle = poison.handOver(prepared)
    try {
      const tokens = await engine.countTokens(chatBody(prepared, safe()), signal)
      // That it can be counted does not say that it can be answered.
      settle('given up')
      return tokens
    } catch (error) {
      settle(error instanceof Failure && error.code === 'engine_crashed' ? 'engine ended' : 'given up')
      throw error
    }
  }

  /** The question as it is understood, when nothing is wrong with it that can be seen at once. */
  function checked({ messages, json: schema, ...others }: Question): Question {
    const all = messages.flatMap((message) => message.parts)
    requireLength(all, parts.maxPromptLength)
    requireImageCount(all.filter(({ type }) => type === 'image').length, maxImages)
    if (isSchema(schema)) json.requireShort(schema)
    return { ...others, messages: inTurns(messages), json: isSchema(schema) ? inOneDialect(schema) : schema }
  }

  /** Before anything is told: a schema that can't be used has a status of its own. */
  async function requireUsable(schema: Question['json'], signal: AbortSignal): Promise<void> {
    if (isSchema(schema)) await json.requireUsable(schema, signal)
  }

  async function faultOf(
    answer: Pick<Answer, 'text' | 'finishReason'>,
    schema: Question['json'],
    signal: AbortSignal,
  ): Promise<Answer['jsonFault']> {
    if (schema === undefined) return undefined
    return isSchema(schema) ? json.faultOf(answer, schema, signal) : jsonCheck(true)(answer)
  }

  const prepare = (question: Question, signal: AbortSignal, tell: Tell = () => {}) => {
    const { model, contextTokens = usualContext } = engine.status()
    const tiling = model?.projector.tiling
    const room = tiling ? tilesInRoom(tiling, { maxImages, maxTiles }) : 0
    const told = { contextTokens, imageMaxTokens }
    const cost = model && toldCost(told, model)
    const share = (pictures: number) => pictureShare(told, pictures)
    return preparedQuestion(question, { prepareImages, maxImages, tiling, room, cost, share, signal, tell })
  }

  function safe(): (text: string) => string {
    const tokens = engine.status().model?.controlTokens ?? []
    if (neutralize?.tokens !== tokens) neutralize = { tokens, apply: neutralizer(tokens) }
    return neutralize.apply
  }

  return { requireRoom, infer, plan }
}

const isSchema = (schema: Question['json']): schema is JsonSchema => typeof schema === 'object'

type Tell = (event: InferenceEvent) => void

function stagesOf({ timings, usage }: Answer): Stages {
  const seconds = (milliseconds: number) => milliseconds / 1000
  // The engine counts the first token to the prompt.
  const further = usage.completion_tokens - 1
  return {
    queue: seconds(timings.queue),
    image: seconds(timings.image),
    prompt: seconds(timings.prompt),
    firstToken: seconds(timings.total - timings.generation),
    total: seconds(timings.total),
    perToken: further > 0 ? seconds(timings.generation) / further : undefined,
  }
}

function stopwatch() {
  const began = performance.now()
  let lapBegan = began
  return {
    /** Milliseconds since the last lap. */
    lap: () => {
      const now = performance.now()
      const took = now - lapBegan
      lapBegan = now
      return hundredths(took)
    },
    total: () => hundredths(performance.now() - began),
  }
}
