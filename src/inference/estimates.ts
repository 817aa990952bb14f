/**
 * Seconds to expect, from what past requests took on this machine: moving averages of the engine's own figures. The
 * time for a prompt grows with its pictures' tiles; text beside them hardly counts.
 */
import type { ChatEvent } from '../engine/wire.ts'
import { hundredths } from '../hundredths.ts'
import type { PreparedImage } from '../image/prepare.ts'
import { movingAverage } from '../moving-average.ts'

export type Expected = { prompt: number; generation: number }

export type Estimates = ReturnType<typeof createEstimates>

/** The engine may still have its work on a picture this many pictures later. */
const rememberedPictures = 64
const markBytes = 64

export function createEstimates() {
  const promptMsPerView = movingAverage()
  const msPerToken = movingAverage()
  const seen = new Set<string>()

  /** Whether one of these was asked about a short while ago; remembers them. */
  function seenBefore(images: readonly PreparedImage[]): boolean {
    const marks = images.map(markOf)
    const again = marks.some((mark) => seen.has(mark))
    for (const mark of marks) seen.add(mark)
    for (const oldest of seen) {
      if (seen.size <= rememberedPictures) break
      seen.delete(oldest)
    }
    return again
  }

  return {
    learn(images: readonly PreparedImage[], { usage, timings }: Extract<ChatEvent, { type: 'end' }>): void {
      // A prompt whose picture was worked on before says nothing about what a new one takes.
      if (!seenBefore(images)) promptMsPerView.add(timings.prompt_ms / viewsOf(images))
      // The engine counts the first token to the prompt.
      if (usage.completion_tokens > 1) {
        msPerToken.add(timings.predicted_ms / (usage.completion_tokens - 1))
      }
    },
    /** Seconds for a prompt with these pictures and an answer of so many tokens; null before anything was learnt. */
    expect(images: readonly PreparedImage[], tokens: number): Expected | null {
      if (promptMsPerView.value === undefined || msPerToken.value === undefined) return null
      return {
        prompt: hundredths((promptMsPerView.value * viewsOf(images)) / 1000),
        generation: hundredths((msPerToken.value * tokens) / 1000),
      }
    },
  }
}

/** What the tower looks at: the tiles, or the pictures of a model without tiles; text alone counts as one. */
const viewsOf = (images: readonly PreparedImage[]): number =>
  Math.max(
    1,
    images.reduce((sum, { tiles }) => sum + (tiles ?? 1), 0),
  )

/** Length and end of a compressed picture: enough for an estimate, and nothing to compute. */
const markOf = ({ bytes }: PreparedImage): string =>
  `${bytes.length} ${bytes.subarray(-markBytes).toString('base64')}`
