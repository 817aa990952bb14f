/** The question with its pictures as the model will be shown them: each part carries its own. */
import { failure } from '../errors.ts'
import type { Framing } from '../image/encode.ts'
import type { PreparedImage, PrepareImages } from '../image/prepare.ts'
import type { PictureCost } from '../model/picture-cost/cost.ts'
import { tileLimit } from '../model/picture-room.ts'
import type { Load } from './estimates.ts'
import type { InferenceEvent, Message, Part, Question, TextPart } from './question.ts'

/** `images`: one, or several for the pages of a document. */
export type PreparedPart = TextPart | { type: 'image'; images: PreparedImage[] }

export type PreparedMessage = Pick<Message, 'role'> & { parts: PreparedPart[] }

export type PreparedQuestion = Omit<Question, 'messages'> & { messages: PreparedMessage[] }

export type Preparing = {
  prepareImages: PrepareImages
  /** Most pictures of a question, the pages of documents counted. */
  maxImages: number
  /** Of models that keep pictures beside the context, and the tiles that they have room for. */
  tiling: Framing['tiling']
  room: number
  /** Of models whose pictures are tokens of the context, and the tokens that each of so many may take. */
  cost: PictureCost | undefined
  share: (pictures: number) => number
  signal: AbortSignal
  tell: (event: InferenceEvent) => void
}

const imagesOf = ({ messages }: PreparedQuestion): PreparedImage[] =>
  messages.flatMap(({ parts }) => parts).flatMap((part) => (part.type === 'image' ? part.images : []))

export function loadOf(question: PreparedQuestion): Load {
  const texts = question.messages.flatMap(({ parts }) => parts).filter((part) => part.type === 'text')
  return {
    images: imagesOf(question),
    characters: texts.reduce((sum, { text }) => sum + text.length, 0),
    maxTokens: question.sampling.max_tokens,
  }
}

/**
 * One picture after the other: side by side, several large ones would need several times the memory. Throws what
 * `prepareImages` throws, `too_many_images`, `too_many_tiles`, or the signal's reason.
 */
export async function preparedQuestion(
  question: Question,
  { prepareImages, maxImages, tiling, room, cost, share, signal, tell }: Preparing,
): Promise<PreparedQuestion> {
  const { detail, pages } = question
  const picturesIn = (parts: Part[]): number => parts.filter(({ type }) => type === 'image').length
  const total = picturesIn(question.messages.flatMap(({ parts }) => parts))
  // Whatever was said before stays in the context. A document may turn out to have all the pages that may be looked at.
  const tokenLimit = cost && share(Math.min(maxImages, total * pages))
  let done = 0
  let pictures = 0

  async function prepared(part: Part, tileLimit: number | undefined): Promise<PreparedPart> {
    if (part.type === 'text') return part
    signal.throwIfAborted()
    const images = await prepareImages(part, { detail, tiling, tileLimit, cost, tokenLimit, pages }, signal)
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
    const pictures = Math.min(maxImages, picturesIn(parts) * pages)
    const limit = tiling && tileLimit(tiling, pictures, room)
    const shown: PreparedPart[] = []
    for (const part of parts) shown.push(await prepared(part, limit))
    messages.push({ role, parts: shown })
  }
  signal.throwIfAborted()
  return { ...question, messages: tiling ? withinRoom(messages, room) : messages }
}

/**
 * A text sees the pictures of the last message before it that has some, so those have to fit. Of the messages before, the
 * newest keep theirs as far as there is room: what was said about the others stands in the answers.
 */
function withinRoom(messages: readonly PreparedMessage[], room: number): PreparedMessage[] {
  let left = room
  const kept: PreparedMessage[] = []
  for (const message of messages.toReversed()) {
    const tiles = tilesOf(message)
    if (left === room && tiles > room) throw failure('too_many_tiles', { actual: tiles, limit: room })
    // Once one has no room, those before it have none.
    if (tiles > left) left = 0
    const fits = tiles <= left
    if (fits) left -= tiles
    kept.unshift(fits ? message : { ...message, parts: message.parts.filter(({ type }) => type === 'text') })
  }
  return kept
}

const tilesOf = ({ parts }: PreparedMessage): number =>
  parts
    .flatMap((part) => (part.type === 'image' ? part.images : []))
    .reduce((sum, { tiles }) => sum + (tiles ?? 0), 0)

/** Throws `too_many_images`. */
export function requireImageCount(actual: number, limit: number): void {
  if (actual > limit) throw failure('too_many_images', { actual, limit })
}
