/** OpenAI's Responses request -> question. Pure. */
import { failure } from '../../errors.ts'
import { requireText } from '../../inference/prompt.ts'
import { defaults, type Message, type Part, type Question } from '../../inference/question.ts'
import { type ForcedTool, forcedTool, type Tool, type ToolChoice } from '../forced-tool.ts'
import { type Model, storedFile, unknownPart } from '../openai/question.ts'
import { finestOf, pagesOf } from '../pictures.ts'
import { unserved } from '../unserved.ts'
import type { ContentPart, Item, ResponsesRequest } from './schema.ts'

/** An answer that names no limit ends where the context does. Of `tool` the arguments are the answer. */
export function questionOf(
  request: ResponsesRequest,
  { contextTokens, maxImages }: Model,
  tool?: ForcedTool,
): Question {
  refuseUnserved(request)
  const { input, instructions, max_output_tokens, temperature, top_p } = request
  const messages = messagesOf(input)
  const parts = (typeof input === 'string' ? [] : input)
    .flatMap(({ content, output }) => [content, output])
    .flatMap((given) => (Array.isArray(given) ? given : []))
  return {
    messages: instructions
      ? [{ role: 'system', parts: [textOf(instructions, 'instructions')] }, ...messages]
      : messages,
    // The finest that there is, too.
    detail: finestOf(parts.map(({ detail }) => (detail === 'original' ? 'high' : detail))),
    pages: pagesOf(
      parts.some(({ type }) => type === 'input_file'),
      maxImages,
    ),
    sampling: {
      ...defaults,
      max_tokens: Math.min(max_output_tokens ?? contextTokens, contextTokens),
      temperature: temperature ?? defaults.temperature,
      top_p: top_p ?? defaults.top_p,
    },
    json: tool?.schema ?? jsonOf(request),
  }
}

export function toolOf({ tools, tool_choice }: ResponsesRequest): ForcedTool | undefined {
  return forcedTool(
    (tools ?? []).map(({ type, name, parameters }, index): Tool | undefined =>
      type === 'function' && name ? { name, parameters, field: `tools/${index}/parameters` } : undefined,
    ),
    choiceOf(tool_choice),
  )
}

function choiceOf(choice: ResponsesRequest['tool_choice']): ToolChoice {
  if (choice && typeof choice === 'object') {
    if (choice.type === 'function' && choice.name) return { name: choice.name, field: 'tool_choice/name' }
    throw unserved('This tool_choice', 'it may be none, required, or name a function')
  }
  if (choice === 'required') return 'any'
  return choice === 'none' ? 'none' : 'auto'
}

function refuseUnserved(request: ResponsesRequest): void {
  const stored = 'nothing is stored; send the earlier turns as input'
  if (request.previous_response_id) throw unserved('previous_response_id', stored)
  if (request.conversation) throw unserved('conversation', stored)
  if (request.prompt) throw unserved('prompt', 'nothing is stored; send the text as input')
  if (request.background) throw unserved('background', 'nothing is stored; wait for the answer, or stream it')
  if (request.top_logprobs) throw unserved('top_logprobs', 'the service does not pass likelihoods on')
}

const roles = new Map<string, Message['role']>([
  ['system', 'system'],
  ['developer', 'system'],
  ['user', 'user'],
  ['assistant', 'assistant'],
])

const textOf = (text: string, field: string): Part => ({ type: 'text', text, field })

function messagesOf(input: ResponsesRequest['input']): Message[] {
  if (typeof input === 'string') {
    requireText(input, 'input')
    return [{ role: 'user', parts: [textOf(input, 'input')] }]
  }
  return input.flatMap((item, index) => messageOf(item, `input/${index}`))
}

function messageOf(item: Item, field: string): Message[] {
  const { type = 'message', role: asked = '', content, output } = item
  switch (type) {
    case null:
    case 'message': {
      const role = roles.get(asked ?? '')
      if (role) return [{ role, parts: partsOf(content, `${field}/content`) }]
      throw failure('unknown_choice', {
        field: `${field}/role`,
        expected: `one of ${[...roles.keys()].join(', ')}`,
        actual: asked ? asked.slice(0, 40) : 'nothing',
      })
    }
    case 'function_call':
      // In the words that the model gave it in.
      return [{ role: 'assistant', parts: [textOf(item.arguments ?? '', `${field}/arguments`)] }]
    case 'function_call_output':
      return [{ role: 'user', parts: partsOf(output, `${field}/output`) }]
    case 'reasoning':
      // Of another model's, which this one could not read.
      return []
    case 'item_reference':
      throw failure('not_supported', {
        field: `${field}/type`,
        feature: 'An item by its id',
        reason: 'nothing is stored; have the client send earlier turns whole (store: false)',
      })
    default:
      throw failure('not_supported', {
        field: `${field}/type`,
        feature: `An item of type ${type.slice(0, 40)}`,
        reason: 'the model reads messages, calls of functions and what they gave',
      })
  }
}

function partsOf(content: Item['content'], field: string): Part[] {
  if (typeof content === 'string') return [textOf(content, field)]
  return (content ?? []).map((part, at) => partOf(part, `${field}/${at}`))
}

function partOf({ type, ...part }: ContentPart, field: string): Part {
  const picture = (name: 'image_url' | 'file_data' | 'file_url'): Part => {
    const image = part[name]
    if (image) return { type: 'image', image, field: `${field}/${name}` }
    throw part.file_id
      ? storedFile(`${field}/file_id`)
      : failure('missing_field', { field: `${field}/${name}` })
  }
  switch (type) {
    case 'input_text':
    case 'output_text':
      if (part.text === undefined) throw failure('missing_field', { field: `${field}/text` })
      return textOf(part.text, `${field}/text`)
    case 'input_image':
      return picture('image_url')
    case 'input_file':
      return picture(part.file_url ? 'file_url' : 'file_data')
    default:
      throw unknownPart(type, field, 'the model reads input_text, input_image, input_file and output_text')
  }
}

function jsonOf({ text }: ResponsesRequest): Question['json'] {
  const format = text?.format
  if (!format || format.type === 'text') return undefined
  if (format.type === 'json_object') return true
  if (!format.schema) throw failure('missing_field', { field: 'text/format/schema' })
  return format.schema
}
