/**
 * Seconds to expect, from what past requests took on this machine: moving averages of the engine's own figures. Pictures
 * take their time by their tiles or tokens, by their number where neither is known; texts by their length, which is told apart,
 * or requests without a picture would have those with one look quick.
 */
import type { ChatEvent } from '../engine/wire.ts'
import { hundredths } from '../hundredths.ts'
import type { PreparedImage } from '../image/prepare.ts'
import { movingAverage } from '../moving-average.ts'

/** What the time that a question takes depends on. */
export type Load = {
  images: PreparedImage[]
  /** Of all texts, in UTF-16 units. */
  characters: number
  /** Most tokens of the answer. */
  maxTokens: number
}

/** Seconds. `generation` is for the longest answer that was asked for, `answer` for one as long as those before it. */
export type Expected = { prompt: number; generation: number; answer: number }

export type Estimates = ReturnType<typeof createEstimates>

/** The engine may still have its work on a picture this many pictures later. */
const rememberedPictures = 64
const markBytes = 64

/** Of English; a guess is enough beside a picture, and others are corrected by what their tokens take. */
const charactersPerToken = 4
/** Fewer tokens take as long as their batch's overhead. */
const tellingTokens = 16

export function createEstimates() {
  const msPerView = movingAverage()
  const msPerPromptToken = movingAverage()
  const msPerToken = movingAverage()
  const answerTokens = movingAverage()
  const seen = new Set<string>()

  const textMs = (tokens: number): number => tokens * (msPerPromptToken.value ?? 0)

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

  function learnPrompt({ images, characters }: Load, { usage, timings }: End): void {
    const tokens = usage.prompt_tokens - timings.cache_n
    const textOnly = images.length === 0
    // A prompt whose picture was worked on before says nothing about what a new one takes.
    if (!seenBefore(images) && !textOnly) {
      const pictures = timings.prompt_ms - textMs(characters / charactersPerToken)
      msPerView.add(Math.max(0, pictures) / viewsOf(images))
    } else if (textOnly && tokens >= tellingTokens) msPerPromptToken.add(timings.prompt_ms / tokens)
  }

  return {
    learn(load: Load, end: End): void {
      learnPrompt(load, end)
      const tokens = end.usage.completion_tokens
      answerTokens.add(tokens)
      // The engine counts the first token to the prompt.
      if (tokens > 1) msPerToken.add(end.timings.predicted_ms / (tokens - 1))
    },
    /** Null before anything of the kind was learnt. */
    expect({ images, characters, maxTokens }: Load): Expected | null {
      if (msPerToken.value === undefined || answerTokens.value === undefined) return null
      if (images.length > 0 ? msPerView.value === undefined : msPerPromptToken.value === undefined)
        return null
      const views = images.length > 0 ? viewsOf(images) : 0
      const promptMs = views * (msPerView.value ?? 0) + textMs(characters / charactersPerToken)
      const seconds = (tokens: number) => hundredths(((msPerToken.value ?? 0) * tokens) / 1000)
      return {
        prompt: hundredths(promptMs / 1000),
        generation: seconds(maxTokens),
        answer: seconds(Math.min(maxTokens, answerTokens.value)),
      }
    },
  }
}

type End = Extract<ChatEvent, { type: 'end' }>

/** What the tower looks at: the tiles, or as much as its tokens tell; the pictures where they are not known. */
const viewsOf = (images: readonly PreparedImage[]): number =>
  images.reduce((sum, { tiles, tokens }) => sum + (tiles ?? tokens ?? 1), 0)

/** Length and end of a compressed picture: enough for an estimate, and nothing to compute. */
const markOf = ({ bytes }: PreparedImage): string =>
  `${bytes.length} ${bytes.subarray(-markBytes).toString('base64')}`
