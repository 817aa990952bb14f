/** `/infer`'s request -> question. Pure. */
import { failure } from '../../errors.ts'
import type { ImageSource } from '../../image/receive.ts'
import { requireText } from '../../inference/prompt.ts'
import type { Message, Part, Question } from '../../inference/question.ts'
import { listOf } from '../schema.ts'
import type { InferRequest } from './schema.ts'

/** `uploads` are pictures that came as bytes beside the fields. Pictures go first: see `chat.ts`. */
export function questionOf(request: InferRequest, uploads: readonly Buffer[] = []): Question {
  requireText(request.prompt, 'prompt')
  const { max_tokens, temperature, top_p, top_k, min_p, repeat_penalty, seed } = request
  const user: Part[] = [
    ...imagesOf(request, uploads),
    { type: 'text', text: request.prompt, field: 'prompt' },
  ]
  const system: Message[] = request.system
    ? [{ role: 'system', parts: [{ type: 'text', text: request.system, field: 'system' }] }]
    : []
  return {
    messages: [...system, { role: 'user', parts: user }],
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

function imagesOf({ image, images }: InferRequest, uploads: readonly Buffer[]): Part[] {
  const part = (image: ImageSource, field: string): Part => ({ type: 'image', image, field })
  const given = [image !== undefined, images !== undefined, uploads.length > 0].filter(Boolean).length
  if (given === 0) throw failure('missing_field', { field: 'image' })
  if (given > 1) throw failure('two_choices', { field: 'image', other: 'images' })
  if (images) return images.map((one, index) => part(one, `images/${index}`))
  if (uploads.length > 0) return uploads.map((one) => part(one, 'image'))
  return [part(image ?? '', 'image')]
}
