/** OpenAI's chat request -> question. Pure. */
import { failure } from '../../errors.ts'
import type { ImageDetail } from '../../image/tiles.ts'
import { requireText } from '../../inference/prompt.ts'
import { defaults, type Message, type Part, type Question } from '../../inference/question.ts'
import { listOf } from '../schema.ts'
import type { ChatRequest, ContentPart } from './schema.ts'

/** An answer that names no limit ends where the context does. */
export function questionOf(request: ChatRequest, contextSize: number): Question {
  refuseUnserved(request)
  const { temperature, top_p, presence_penalty, frequency_penalty, seed } = request
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? contextSize
  return {
    messages: request.messages.map(messageOf),
    detail: detailOf(request),
    pages: 1,
    sampling: {
      ...defaults,
      max_tokens: Math.min(maxTokens, contextSize),
      temperature: temperature ?? defaults.temperature,
      top_p: top_p ?? defaults.top_p,
      ...(presence_penalty == null ? {} : { presence_penalty }),
      ...(frequency_penalty == null ? {} : { frequency_penalty }),
      // The engine's seeds have 32 bits.
      ...(seed == null ? {} : { seed: seed >>> 0 }),
      stop: listOf(request.stop),
    },
    json: jsonOf(request),
  }
}

function refuseUnserved({ tools, functions, n, logprobs }: ChatRequest): void {
  const refuse = (feature: string, reason: string) => failure('not_supported', { feature, reason })
  if (tools?.length || functions?.length) {
    throw refuse(
      'Calling tools',
      'vision models of this size do not call them reliably; ask for JSON instead',
    )
  }
  if ((n ?? 1) > 1)
    throw refuse('n greater than 1', 'each answer takes its full time; send the request again')
  if (logprobs) throw refuse('logprobs', 'the service does not pass likelihoods on')
}

const roles = new Map<string, Message['role']>([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
])

function messageOf({ role: asked, content }: ChatRequest['messages'][number], index: number): Message {
  const role = roles.get(asked)
  const field = `messages/${index}`
  if (!role) {
    throw failure('unknown_choice', {
      field: `${field}/role`,
      expected: `one of ${[...roles.keys()].join(', ')}`,
      actual: asked.slice(0, 40),
    })
  }
  if (typeof content === 'string') {
    if (role === 'user') requireText(content, `${field}/content`)
    return { role, parts: [{ type: 'text', text: content, field: `${field}/content` }] }
  }
  return { role, parts: (content ?? []).map((part, at) => partOf(part, `${field}/content/${at}`)) }
}

function partOf({ type, text, image_url }: ContentPart, field: string): Part {
  if (type === 'text') {
    if (text === undefined) throw failure('missing_field', { field: `${field}/text` })
    return { type: 'text', text, field: `${field}/text` }
  }
  if (type === 'image_url') {
    if (!image_url) throw failure('missing_field', { field: `${field}/image_url` })
    return { type: 'image', image: image_url.url, field: `${field}/image_url/url` }
  }
  throw failure('not_supported', {
    field: `${field}/type`,
    feature: `Content of type ${type.slice(0, 40)}`,
    reason: 'the model reads text and image_url',
  })
}

/** One detail for the whole request: the finest that any picture asks for. */
function detailOf({ messages }: ChatRequest): ImageDetail {
  const asked = messages
    .flatMap(({ content }) => (Array.isArray(content) ? content : []))
    .map(({ image_url }) => image_url?.detail)
  if (asked.includes('high')) return 'high'
  return asked.includes('low') && !asked.includes('auto') ? 'low' : 'auto'
}

function jsonOf({ response_format: format }: ChatRequest): Question['json'] {
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json_object') return true
  const schema = format.json_schema?.schema
  if (!schema) throw failure('missing_field', { field: 'response_format/json_schema/schema' })
  return schema
}
