/** Anthropic's messages -> question. Pure. */
import { failure } from '../../errors.ts'
import { requireText } from '../../inference/prompt.ts'
import { defaults, type Message, type Part, type Question } from '../../inference/question.ts'
import type { ModelSettings } from '../../model/settings.ts'
import { type ForcedTool, forcedTool, type Tool, type ToolChoice } from '../forced-tool.ts'
import { pagesOf } from '../pictures.ts'
import { listOf } from '../schema.ts'
import { unserved } from '../unserved.ts'
import type { Block, CountRequest, InnerBlock, MessagesRequest } from './schema.ts'

/** An answer that names no limit ends where the context does. Of `tool` the input is the answer. */
export function questionOf(
  request: MessagesRequest,
  { contextTokens, maxImages }: Pick<ModelSettings, 'contextTokens' | 'maxImages'>,
  tool?: ForcedTool,
): Question {
  if (request.thinking?.type === 'enabled')
    throw unserved('thinking', 'the model answers at once; leave it out, or send the type disabled')
  const { messages, system, max_tokens, temperature, top_p, top_k, stop_sequences } = request
  const before = partsOf(system, 'system')
  return {
    messages: [
      ...(before.length > 0 ? [{ role: 'system' as const, parts: before }] : []),
      ...messages.map(messageOf),
    ],
    detail: 'auto',
    pages: pagesOf(hasDocument(messages), maxImages),
    sampling: {
      ...defaults,
      max_tokens: Math.min(max_tokens ?? contextTokens, contextTokens),
      temperature: temperature ?? defaults.temperature,
      top_p: top_p ?? defaults.top_p,
      top_k: top_k ?? defaults.top_k,
      stop: listOf(stop_sequences),
    },
    json: tool?.schema ?? jsonOf(request),
  }
}

export function toolOf({ tools, tool_choice }: CountRequest): ForcedTool | undefined {
  return forcedTool(
    (tools ?? []).map(({ name, input_schema }, index): Tool | undefined =>
      // What Anthropic runs itself has none.
      input_schema ? { name, parameters: input_schema, field: `tools/${index}/input_schema` } : undefined,
    ),
    choiceOf(tool_choice),
  )
}

function choiceOf(choice: CountRequest['tool_choice']): ToolChoice {
  switch (choice?.type) {
    case 'tool':
      if (choice.name === undefined) throw failure('missing_field', { field: 'tool_choice/name' })
      return { name: choice.name, field: 'tool_choice/name' }
    case 'any':
    case 'none':
      return choice.type
    default:
      return 'auto'
  }
}

const hasDocument = (messages: MessagesRequest['messages']): boolean =>
  messages
    .flatMap(({ content }) => (typeof content === 'string' ? [] : content))
    .flatMap((block) => [block, ...(Array.isArray(block.content) ? block.content : [])])
    .some(({ type }) => type === 'document')

function messageOf({ role, content }: MessagesRequest['messages'][number], index: number): Message {
  const field = `messages/${index}/content`
  if (typeof content === 'string' && role === 'user') requireText(content, field)
  if (typeof content === 'string') return { role, parts: partsOf(content, field) }
  return { role, parts: content.flatMap((block, at) => blockParts(block, `${field}/${at}`)) }
}

function partsOf(content: string | InnerBlock[] | null | undefined, field: string): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content, field }]
  return (content ?? []).map((block, at) => partOf(block, `${field}/${at}`))
}

function blockParts({ input, content, ...block }: Block, field: string): Part[] {
  switch (block.type) {
    case 'tool_use':
      // In the words that the model gave it in.
      return [{ type: 'text', text: JSON.stringify(input ?? {}), field: `${field}/input` }]
    case 'tool_result':
      return partsOf(content, `${field}/content`)
    case 'thinking':
    case 'redacted_thinking':
      // Of another model's, which this one could not read.
      return []
    default:
      return [partOf(block, field)]
  }
}

function partOf({ type, text, source }: InnerBlock, field: string): Part {
  if (type === 'text') {
    if (text === undefined) throw failure('missing_field', { field: `${field}/text` })
    return { type: 'text', text, field: `${field}/text` }
  }
  if (type !== 'image' && type !== 'document') {
    throw failure('not_supported', {
      field: `${field}/type`,
      feature: `A block of type ${type.slice(0, 40)}`,
      reason: 'the model reads text, images and documents',
    })
  }
  if (!source) throw failure('missing_field', { field: `${field}/source` })
  const given = source.type === 'url' ? ('url' as const) : ('data' as const)
  const value = source[given]
  if (!['base64', 'url', 'text'].includes(source.type) || (source.type === 'text' && type === 'image')) {
    throw failure('not_supported', {
      field: `${field}/source/type`,
      feature: `A source of type ${source.type.slice(0, 40)}`,
      reason: 'nothing is stored; send the bytes as base64',
    })
  }
  if (value === undefined) throw failure('missing_field', { field: `${field}/source/${given}` })
  return source.type === 'text'
    ? { type: 'text', text: value, field: `${field}/source/${given}` }
    : { type: 'image', image: value, field: `${field}/source/${given}` }
}

function jsonOf({ output_config }: MessagesRequest): Question['json'] {
  const format = output_config?.format
  if (!format) return undefined
  if (format.type !== 'json_schema') {
    throw failure('unknown_choice', {
      field: 'output_config/format/type',
      expected: 'json_schema',
      actual: format.type.slice(0, 40),
    })
  }
  if (!format.schema) throw failure('missing_field', { field: 'output_config/format/schema' })
  return format.schema
}
