/** `/infer`'s request -> question. Pure. */
import { failure } from '../../errors.ts'
import type { ImageSource } from '../../image/receive.ts'
import { requireText } from '../../inference/prompt.ts'
import type { Message, Part, Question } from '../../inference/question.ts'
import { listOf } from '../schema.ts'
import type { InferRequest } from './schema.ts'

/** `uploads` are pictures that came as bytes beside the fields. Pictures go first: see `chat.ts`. */
export function questionOf(request: InferRequest, uploads: readonly Buffer[] = []): Question {
  const { max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, seed } = request
  const system: Message[] = request.system
    ? [{ role: 'system', parts: [{ type: 'text', text: request.system, field: 'system' }] }]
    : []
  return {
    messages: [...system, ...turnsOf(request, uploads)],
    detail: request.image_detail,
    pages: request.pdf_pages,
    sampling: {
      max_tokens,
      temperature,
      top_p,
      top_k,
      min_p,
      repeat_penalty,
      ...(seed === undefined ? {} : { seed }),
      stop: listOf(request.stop),
    },
    json: request.json_schema,
  }
}

/** All that came before is the same again when the next question is asked, so the engine begins where it left off. */
function turnsOf(request: InferRequest, uploads: readonly Buffer[]): Message[] {
  const { history = [], prompt } = request
  const said = history.flatMap((turn, index) => [
    textOf('user', turn.prompt, `history/${index}/prompt`),
    textOf('assistant', turn.response_text, `history/${index}/response_text`),
  ])
  const turns = [...said, textOf('user', prompt, 'prompt')]
  const images = imagesOf(request, uploads)
  return turns.map(({ role, text }, index) => ({ role, parts: index === 0 ? [...images, text] : [text] }))
}

function textOf(role: Message['role'], text: string, field: string): { role: Message['role']; text: Part } {
  requireText(text, field)
  return { role, text: { type: 'text', text, field } }
}

function imagesOf({ image, images }: InferRequest, uploads: readonly Buffer[]): Part[] {
  const part = (image: ImageSource, field: string): Part => ({ type: 'image', image, field })
  const given = [image !== undefined, images !== undefined, uploads.length > 0].filter(Boolean).length
  if (given === 0) throw failure('missing_field', { field: 'image' })
  if (given > 1) throw failure('two_choices', { field: 'image', other: 'images' })
  if (images) return images.map((one, index) => part(one, `images/${index}`))
  if (uploads.length > 0) return uploads.map((one) => part(one, 'image'))
  return [part(image ?? '', 'image')]
}
