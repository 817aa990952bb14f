/**
 * Question + prepared pictures -> the engine's chat request. Pure. Parts keep their order: the engine reuses its work
 * up to the first difference, so a second question about a picture that comes first skips the picture.
 */
import type { ChatBody, ContentPart } from '../engine/client.ts'
import type { PreparedImage } from '../image/prepare.ts'
import type { Part, Question } from './question.ts'

/** `pictures` of each of the question's image parts, in their order; `safe` breaks up what the model would take for steering. */
export function chatBody(
  question: Question,
  pictures: readonly PreparedImage[][],
  safe: (text: string) => string,
): ChatBody {
  const left = [...pictures]
  const content = (part: Part): ContentPart[] => {
    if (part.type === 'text') return [{ type: 'text', text: safe(part.text) }]
    return (left.shift() ?? []).map((picture) => ({
      type: 'image_url',
      image_url: { url: dataUrl(picture) },
    }))
  }
  const { json, sampling } = question
  return {
    messages: question.messages.map(({ role, parts }) => ({
      role,
      // Many templates know parts in the user's turn only.
      content: parts.every(isText) ? parts.map(({ text }) => safe(text)).join('\n') : parts.flatMap(content),
    })),
    ...sampling,
    ...(json === undefined ? {} : { response_format: responseFormat(json) }),
  }
}

const isText = (part: Part): part is Extract<Part, { type: 'text' }> => part.type === 'text'

export const dataUrl = ({ mediaType, bytes }: PreparedImage): string =>
  `data:${mediaType};base64,${bytes.toString('base64')}`

const responseFormat = (json: true | Record<string, unknown>): NonNullable<ChatBody['response_format']> =>
  json === true
    ? { type: 'json_object' }
    : { type: 'json_schema', json_schema: { name: 'answer', schema: json } }
