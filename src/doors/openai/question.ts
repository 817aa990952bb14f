/** OpenAI's chat request -> question. Pure. */
import { failure } from '../../errors.ts'
import { requireText } from '../../inference/prompt.ts'
import { defaults, type Message, type Part, type Question } from '../../inference/question.ts'
import type { ModelSettings } from '../../model/settings.ts'
import type { ForcedTool } from '../forced-tool.ts'
import { finestOf, pagesOf } from '../pictures.ts'
import { listOf } from '../schema.ts'
import { unserved } from '../unserved.ts'
import type { ChatRequest, ContentPart } from './schema.ts'

/** What a request may take of the model that is asked. */
export type Model = Pick<ModelSettings, 'contextTokens' | 'maxImages'>

/** An answer that names no limit ends where the context does. Of `tool` the arguments are the answer. */
export function questionOf(
  request: ChatRequest,
  { contextTokens, maxImages }: Model,
  tool?: ForcedTool,
): Question {
  if (request.logprobs) throw unserved('logprobs', 'the service does not pass likelihoods on')
  const { temperature, top_p, presence_penalty, frequency_penalty, seed } = request
  const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? contextTokens
  const parts = request.messages.flatMap(({ content }) => (Array.isArray(content) ? content : []))
  return {
    messages: request.messages.map(messageOf),
    detail: finestOf(
      parts.map(({ image_url }) => (typeof image_url === 'object' ? image_url.detail : undefined)),
    ),
    pages: pagesOf(
      parts.some(({ type }) => type === 'file'),
      maxImages,
    ),
    sampling: {
      ...defaults,
      max_tokens: Math.min(maxTokens, contextTokens),
      temperature: temperature ?? defaults.temperature,
      top_p: top_p ?? defaults.top_p,
      ...(presence_penalty == null ? {} : { presence_penalty }),
      ...(frequency_penalty == null ? {} : { frequency_penalty }),
      // The engine's seeds have 32 bits.
      ...(seed == null ? {} : { seed: seed >>> 0 }),
      stop: listOf(request.stop),
    },
    json: tool?.schema ?? jsonOf(request),
  }
}

const roles = new Map<string, Message['role']>([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
  // What a call gave is told to the model as any other text.
  ['tool', 'user'],
  ['function', 'user'],
])

function messageOf(message: ChatRequest['messages'][number], index: number): Message {
  const { role: asked, content } = message
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
    if (asked === 'user') requireText(content, `${field}/content`)
    const text: Part = { type: 'text', text: content, field: `${field}/content` }
    return { role, parts: [text, ...callsOf(message, field)] }
  }
  const parts = (content ?? []).map((part, at) => partOf(part, `${field}/content/${at}`))
  return { role, parts: [...parts, ...callsOf(message, field)] }
}

/** An earlier call, in the words that the model gave it in. */
function callsOf({ tool_calls, function_call }: ChatRequest['messages'][number], field: string): Part[] {
  const called = (tool_calls ?? []).map((call, at): Part => {
    const text = call.function?.arguments ?? ''
    return { type: 'text', text, field: `${field}/tool_calls/${at}/function/arguments` }
  })
  if (!function_call) return called
  const text = function_call.arguments ?? ''
  return [...called, { type: 'text', text, field: `${field}/function_call/arguments` }]
}

function partOf({ type, text, image_url, file }: ContentPart, field: string): Part {
  if (type === 'text') {
    if (text === undefined) throw failure('missing_field', { field: `${field}/text` })
    return { type: 'text', text, field: `${field}/text` }
  }
  if (type === 'image_url') {
    if (image_url === undefined) throw failure('missing_field', { field: `${field}/image_url` })
    if (typeof image_url === 'string') return { type: 'image', image: image_url, field: `${field}/image_url` }
    return { type: 'image', image: image_url.url, field: `${field}/image_url/url` }
  }
  if (type === 'file') {
    if (file?.file_id) throw storedFile(`${field}/file/file_id`)
    if (!file?.file_data) throw failure('missing_field', { field: `${field}/file/file_data` })
    return { type: 'image', image: file.file_data, field: `${field}/file/file_data` }
  }
  throw unknownPart(type, field, 'the model reads text, image_url and file')
}

export const storedFile = (field: string) =>
  failure('not_supported', {
    field,
    feature: 'A file by its id',
    reason: 'nothing is stored; send the file itself as file_data',
  })

export const unknownPart = (type: string, field: string, reason: string) =>
  failure('not_supported', {
    field: `${field}/type`,
    feature: `Content of type ${type.slice(0, 40)}`,
    reason,
  })

function jsonOf({ response_format: format }: ChatRequest): Question['json'] {
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json_object') return format.schema ?? true
  const schema = format.json_schema?.schema
  if (!schema) throw failure('missing_field', { field: 'response_format/json_schema/schema' })
  return schema
}

/** Where the schema of the answer stands. */
export const schemaFieldOf = ({ response_format }: ChatRequest): string =>
  response_format?.type === 'json_object' ? 'response_format/schema' : 'response_format/json_schema/schema'
