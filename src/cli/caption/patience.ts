/**
 * Questions that outlive their service: one that is busy says when to come back, one that has gone is waited for. What
 * the service says of a picture is final at once, and so is what it says of the question, which ends the run.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import type { InferResponse } from '../../doors/infer/schema.ts'
import { messageOf } from '../../errors.ts'
import { type AskOptions, ask, Refusal } from '../ask.ts'
import { duration } from '../progress.ts'

/** No other picture would fare better: there is no service, or it refuses the question itself. */
export class Hopeless extends Error {
  override readonly name = 'Hopeless'
}

/** An upgrade or a night's backup may take that long. */
const usualPatienceSeconds = 1800
const longestPauseSeconds = 30
/** After which a service that is not ready and doesn't say when is asked again. */
const usualPauseSeconds = 5
const toldFromSeconds = 30
const probeMs = 10_000
/** A picture in whose middle the connection broke so often may be what ends the service. */
const mostBreaks = 3

/** Refusals that any picture would get. */
const ofTheQuestion = new Set([
  'unauthorized',
  'host_not_allowed',
  'origin_not_allowed',
  'not_found',
  'unsupported_media_type',
  'model_not_found',
  'missing_field',
  'wrong_type',
  'unknown_choice',
  'out_of_range',
  'empty_prompt',
  'prompt_too_long',
  'broken_unicode',
  'invalid_json_schema',
  'json_too_complex',
])

export type Patience = {
  /** Rejects with `Hopeless`, with what is final for this picture, or with the signal's reason. */
  ask(picture: Blob, prompt: string, fields: AskOptions['fields']): Promise<InferResponse>
}

export type PatienceOptions = Omit<AskOptions, 'fields'> & {
  /** Hears when the service is waited for, and when it is back. */
  note: (sentence: string) => void
  /** Without any answer to any picture. */
  patienceSeconds?: number
  /** What only tests replace. */
  pause?: typeof sleep
}

/** For all questions of a run. */
export function createPatience({
  note,
  patienceSeconds = usualPatienceSeconds,
  pause = sleep,
  ...options
}: PatienceOptions): Patience {
  const { url, signal } = options
  /** Whether the service has ever said anything. */
  let heard = false
  let troubleSince: number | undefined
  let toldOfBusy = false
  /** The same wait for all who found that it has gone. */
  let returning: Promise<void> | undefined
  const underWay = new Set<{ isAlone: boolean }>()

  function answered(): void {
    heard = true
    troubleSince = undefined
    toldOfBusy = false
  }

  /** Throws `Hopeless` where so many seconds more would be too many. */
  async function wait(seconds: number, sentence: string): Promise<void> {
    troubleSince ??= performance.now()
    if ((performance.now() - troubleSince) / 1000 + seconds > patienceSeconds)
      throw new Hopeless(`${sentence}; it is waited for no longer than ${duration(patienceSeconds)}`)
    await pause(seconds * 1000, undefined, { signal })
  }

  async function untilBack(sentence: string): Promise<void> {
    if (!heard) throw new Hopeless(sentence)
    note(`${sentence}; it is waited for, ${duration(patienceSeconds)} at most`)
    for (let tries = 0; ; tries += 1) {
      await wait(Math.min(2 ** tries, longestPauseSeconds), sentence)
      if (await isThere(url, signal)) break
    }
    note('the service is back')
  }

  async function waitForBusy({ message, retryAfterSeconds: seconds = usualPauseSeconds }: Refusal) {
    heard = true
    if (seconds >= toldFromSeconds && !toldOfBusy) {
      toldOfBusy = true
      note(`${message}; it is asked again in ${duration(seconds)}`)
    }
    await wait(seconds, message)
  }

  /** Returns when another try makes sense. */
  async function overcome(error: unknown, isAlone: boolean, met: { breaks: number; crashes: number }) {
    if (error instanceof Refusal && isBusy(error)) return waitForBusy(error)
    if (error instanceof Refusal && !isAbsent(error)) {
      answered()
      if (ofTheQuestion.has(error.code)) throw new Hopeless(error.message)
      if (error.code === 'engine_crashed') met.crashes += 1
      // With others beside it, it may have been one of them at which the engine ended.
      if (met.crashes === 1 && !isAlone) return
      throw error
    }
    if (!wasRefused(error)) met.breaks += 1
    if (met.breaks === mostBreaks)
      throw new Error(`the connection broke ${mostBreaks} times: ${causeOf(error)}`)
    returning ??= untilBack(`the service cannot be reached: ${causeOf(error)}`).finally(() => {
      returning = undefined
    })
    return returning
  }

  return {
    async ask(picture, prompt, fields) {
      const met = { breaks: 0, crashes: 0 }
      for (;;) {
        await returning
        const mine = { isAlone: underWay.size === 0 }
        for (const other of underWay) other.isAlone = false
        underWay.add(mine)
        try {
          const answer = await ask(picture, prompt, { ...options, fields })
          answered()
          return answer
        } catch (error) {
          signal.throwIfAborted()
          underWay.delete(mine)
          await overcome(error, mine.isAlone, met)
        } finally {
          underWay.delete(mine)
        }
      }
    },
  }
}

/** It said when to come back, or is itself but not ready. */
const isBusy = ({ code, status, retryAfterSeconds }: Refusal): boolean =>
  retryAfterSeconds !== undefined || (status === 503 && code !== 'unknown')

/** Words of a proxy with no service behind it. */
const isAbsent = ({ code, status }: Refusal): boolean =>
  code === 'unknown' && [502, 503, 504].includes(status ?? 0)

/** Whether the service itself answers, healthy or not. */
async function isThere(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const { body } = await request(`${url}/health`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(probeMs)]),
    })
    return 'engine' in ((await body.json()) as object)
  } catch {
    signal.throwIfAborted()
    return false
  }
}

const codeOf = (error: unknown): string | undefined =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code

/** Nobody was there, so the picture is not to blame. */
const wasRefused = (error: unknown): boolean =>
  [
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'UND_ERR_CONNECT_TIMEOUT',
  ].includes(codeOf(error) ?? '')

const causeOf = (error: unknown): string => codeOf(error) ?? messageOf(error)
