/** The question with its pictures as the model will be shown them: each part carries its own. */
import { failure } from '../errors.ts'
import type { Framing } from '../image/encode.ts'
import type { PreparedImage, PrepareImages } from '../image/prepare.ts'
import { tileLimit } from '../model/picture-room.ts'
import type { InferenceEvent, Message, Part, Question, TextPart } from './question.ts'

/** `images`: one, or several for the pages of a document. */
export type PreparedPart = TextPart | { type: 'image'; images: PreparedImage[] }

export type PreparedMessage = Pick<Message, 'role'> & { parts: PreparedPart[] }

export type PreparedQuestion = Omit<Question, 'messages'> & { messages: PreparedMessage[] }

export type Preparing = {
  prepareImages: PrepareImages
  /** Most pictures of a question, the pages of documents counted. */
  maxImages: number
  tiling: Framing['tiling']
  signal: AbortSignal
  tell: (event: InferenceEvent) => void
}

export const imagesOf = ({ messages }: PreparedQuestion): PreparedImage[] =>
  messages.flatMap(({ parts }) => parts).flatMap((part) => (part.type === 'image' ? part.images : []))

/**
 * One picture after the other: side by side, several large ones would need several times the memory. Throws what
 * `prepareImages` throws, `too_many_images`, or the signal's reason.
 */
export async function preparedQuestion(
  question: Question,
  { prepareImages, maxImages, tiling, signal, tell }: Preparing,
): Promise<PreparedQuestion> {
  const { detail, pages } = question
  const total = question.messages.flatMap(({ parts }) => parts).filter(({ type }) => type === 'image').length
  // A document may turn out to have all the pages that may be looked at.
  const limit = tiling && tileLimit(tiling, Math.min(maxImages, total * pages), maxImages)
  let done = 0
  let pictures = 0

  async function prepared(part: Part): Promise<PreparedPart> {
    if (part.type === 'text') return part
    signal.throwIfAborted()
    const images = await prepareImages(part, { detail, tiling, tileLimit: limit, pages }, signal)
    // A document may have none, and an answer about nothing is none.
    if (images.length === 0) throw failure('no_pages', { field: part.field })
    done += 1
    pictures += images.length
    requireImageCount(pictures, maxImages)
    for (const image of images) tell({ type: 'image', image, done, total })
    return { type: 'image', images }
  }

  const messages: PreparedMessage[] = []
  for (const { role, parts } of question.messages) {
    const shown: PreparedPart[] = []
    for (const part of parts) shown.push(await prepared(part))
    messages.push({ role, parts: shown })
  }
  signal.throwIfAborted()
  return { ...question, messages }
}

/** Throws `too_many_images`. */
export function requireImageCount(actual: number, limit: number): void {
  if (actual > limit) throw failure('too_many_images', { actual, limit })
}
