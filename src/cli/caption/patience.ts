/**
 * Questions that outlive their service: one that is busy says when to come back, one that has gone is waited for. What
 * the service says of a picture itself is final at once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { InferResponse } from '../../doors/infer/schema.ts'
import { messageOf } from '../../errors.ts'
import { type AskOptions, ask, Refusal } from '../ask.ts'

/** There was no service from the start, or none any more for as long as is waited. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** An upgrade or a night's backup may take that long. */
const usualPatienceSeconds = 1800
const longestPauseSeconds = 60
/** A picture in whose middle the connection broke so often may be what ends the service. */
const mostBreaks = 3

export type Patience = {
  ask(picture: Blob, prompt: string, options: AskOptions): Promise<InferResponse>
}

/** For all questions of a run. `note` hears when the service has gone and when it is back. */
export function createPatience(
  note: (sentence: string) => void,
  { seconds: patienceSeconds = usualPatienceSeconds, pause = sleep } = {},
): Patience {
  /** Whether the service has ever said anything. */
  let heard = false
  let goneSince: number | undefined

  function back(): void {
    heard = true
    if (goneSince !== undefined) note('the service is back')
    goneSince = undefined
  }

  /** Seconds to wait after a connection that failed. Throws `Unreachable` when that is in vain. */
  function secondsAfter(error: unknown, tries: number): number {
    const sentence = `the service cannot be reached: ${causeOf(error)}`
    if (!heard) throw new Unreachable(sentence)
    if (goneSince === undefined) note(`${sentence}; it is waited for`)
    goneSince ??= performance.now()
    if (performance.now() - goneSince > patienceSeconds * 1000) throw new Unreachable(sentence)
    return Math.min(2 ** tries, longestPauseSeconds)
  }

  return {
    async ask(picture, prompt, options) {
      let breaks = 0
      for (let tries = 0; ; tries += 1) {
        let seconds: number
        try {
          const answer = await ask(picture, prompt, options)
          back()
          return answer
        } catch (error) {
          options.signal.throwIfAborted()
          if (error instanceof Refusal) {
            back()
            if (error.retryAfterSeconds === undefined) throw error
            seconds = Math.min(error.retryAfterSeconds, longestPauseSeconds)
          } else {
            if (!wasRefused(error)) breaks += 1
            if (breaks === mostBreaks)
              throw new Error(`the connection broke ${breaks} times: ${causeOf(error)}`)
            seconds = secondsAfter(error, tries)
          }
        }
        await pause(seconds * 1000, undefined, { signal: options.signal })
      }
    },
  }
}

const codeOf = (error: unknown): string | undefined =>
  ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code

/** Nobody was there, so the picture is not to blame. */
const wasRefused = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(codeOf(error) ?? '')

const causeOf = (error: unknown): string => codeOf(error) ?? messageOf(error)
