/** Ollama's requests -> question. Pure. */
import { type Failure, failure } from '../../errors.ts'
import { requireText } from '../../inference/prompt.ts'
import { defaults, type Message, type Part, type Question } from '../../inference/question.ts'
import { listOf } from '../schema.ts'
import type { ChatRequest, GenerateRequest } from './schema.ts'

const picturesOf = (list: string[] | null | undefined, field: string): Part[] =>
  (list ?? []).map((image, index) => ({ type: 'image', image, field: `${field}/${index}` }))

/** Undefined for a request without a prompt, which asks for nothing but the model to be loaded. */
export function generateQuestion(request: GenerateRequest, contextSize: number): Question | undefined {
  const { system } = request
  const prompt = request.prompt ?? ''
  if (request.suffix) throw unserved('A suffix', 'the model answers; it does not fill gaps in text')
  if (request.raw) throw unserved('A raw prompt', 'prompts go through the chat template of the model')
  if (!prompt && !request.images?.length) return undefined
  requireText(prompt, 'prompt')
  const user: Message = {
    role: 'user',
    parts: [...picturesOf(request.images, 'images'), { type: 'text', text: prompt, field: 'prompt' }],
  }
  const before: Message[] = system
    ? [{ role: 'system', parts: [{ type: 'text', text: system, field: 'system' }] }]
    : []
  return { messages: [...before, user], ...settingsOf(request, contextSize) }
}

export function chatQuestion(request: ChatRequest, contextSize: number): Question | undefined {
  if (request.tools?.length) {
    throw unserved(
      'Calling tools',
      'vision models of this size do not call them reliably; use format instead',
    )
  }
  if (!request.messages?.length) return undefined
  const messages = request.messages.map(({ role, content, images }, index): Message => {
    const field = `messages/${index}`
    const text: Part = { type: 'text', text: content ?? '', field: `${field}/content` }
    return { role, parts: [...picturesOf(images, `${field}/images`), text] }
  })
  return { messages, ...settingsOf(request, contextSize) }
}

const unserved = (feature: string, reason: string): Failure => failure('not_supported', { feature, reason })

function settingsOf(
  { format, options }: Pick<ChatRequest, 'format' | 'options'>,
  contextSize: number,
): Omit<Question, 'messages'> {
  const { num_predict, seed, stop, presence_penalty, frequency_penalty, ...asked } = options ?? {}
  const tokens = num_predict == null || num_predict < 0 ? contextSize : Math.max(1, num_predict)
  if (typeof format === 'string' && format !== '' && format !== 'json') {
    throw failure('unknown_choice', {
      field: 'format',
      expected: 'json or a JSON Schema',
      actual: String(format).slice(0, 40),
    })
  }
  return {
    detail: 'auto',
    pages: 1,
    sampling: {
      max_tokens: Math.min(tokens, contextSize),
      temperature: asked.temperature ?? defaults.temperature,
      top_p: asked.top_p ?? defaults.top_p,
      top_k: asked.top_k ?? defaults.top_k,
      min_p: asked.min_p ?? defaults.min_p,
      repeat_penalty: asked.repeat_penalty ?? defaults.repeat_penalty,
      ...(presence_penalty == null ? {} : { presence_penalty }),
      ...(frequency_penalty == null ? {} : { frequency_penalty }),
      // The engine's seeds have 32 bits.
      ...(seed == null ? {} : { seed: seed >>> 0 }),
      stop: listOf(stop),
    },
    json: format === 'json' ? true : format || undefined,
  }
}
