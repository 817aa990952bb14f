/** Prepared question -> the engine's chat request. Pure. */
import type { ChatBody, ContentPart } from '../engine/wire.ts'
import type { PreparedImage } from '../image/prepare.ts'
import type { PreparedPart, PreparedQuestion } from './prepared.ts'
import type { TextPart } from './question.ts'

/** `safe` breaks up what the model would take for steering. */
export function chatBody(
  { messages, json, sampling }: PreparedQuestion,
  safe: (text: string) => string,
): ChatBody {
  const content = (part: PreparedPart): ContentPart[] =>
    part.type === 'text'
      ? [{ type: 'text', text: safe(part.text) }]
      : part.images.map((image) => ({ type: 'image_url', image_url: { url: dataUrl(image) } }))
  return {
    messages: messages.map(({ role, parts }) => ({
      role,
      // Many templates know parts in the user's turn only.
      content: parts.every(isText) ? parts.map(({ text }) => safe(text)).join('\n') : parts.flatMap(content),
    })),
    ...sampling,
    stop: json === undefined ? sampling.stop : sampling.stop.filter(mayEndJson),
    ...(json === undefined ? {} : { response_format: responseFormat(json) }),
  }
}

/**
 * In JSON a line break stands between its parts and never in a text: there it would cut the answer wherever the model
 * breaks a line, which grammars allow it to.
 */
const mayEndJson = (stop: string): boolean => !/[\n\r]/.test(stop)

const isText = (part: PreparedPart): part is TextPart => part.type === 'text'

export const dataUrl = ({ mediaType, bytes }: PreparedImage): string =>
  `data:${mediaType};base64,${bytes.toString('base64')}`

const responseFormat = (json: true | Record<string, unknown>): NonNullable<ChatBody['response_format']> =>
  json === true
    ? { type: 'json_object' }
    : { type: 'json_schema', json_schema: { name: 'answer', schema: json } }
