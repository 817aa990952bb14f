/**
 * Request + prepared picture -> the engine's chat request. Pure. The picture goes first: the engine reuses its work
 * up to the first difference, so a second question about a picture skips the picture.
 */
import type { ChatBody } from '../engine/client.ts'
import type { PreparedImage } from '../image/normalize.ts'
import type { InferRequest } from './contract.ts'

export function chatBody(request: InferRequest, prompt: string, image: PreparedImage): ChatBody {
  const url = `data:${image.mediaType};base64,${image.bytes.toString('base64')}`
  return {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url } },
          { type: 'text', text: prompt },
        ],
      },
    ],
    max_tokens: request.max_tokens,
    temperature: request.temperature,
    top_p: request.top_p,
  }
}
