/** What the doors of OpenAI and Anthropic have in common about pictures. Pure. */
import { eventComment } from '../http/stream.ts'
import type { ImageDetail } from '../image/tiles.ts'
import type { InferenceEvent } from '../inference/question.ts'

/** One detail for the whole request: the finest that any picture asks for. */
export function finestOf(asked: readonly (ImageDetail | null | undefined)[]): ImageDetail {
  if (asked.includes('high')) return 'high'
  return asked.includes('low') && !asked.includes('auto') ? 'low' : 'auto'
}

/** A file is meant whole: one page more than may be looked at, for a longer one to be refused. */
export const pagesOf = (hasFile: boolean, maxImages: number): number => (hasFile ? maxImages + 1 : 1)

/** How far a picture is, in a comment: an event of ours would be one too many for some of their clients. */
export const pictureComment = ({
  done,
  total,
  secondsLeft,
}: Extract<InferenceEvent, { type: 'picture' }>): string =>
  eventComment(`picture: ${done} of ${total} layers, ${Math.ceil(secondsLeft)} s left`)
