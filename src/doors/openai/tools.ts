/** The tool or function that a chat request insists on, and how its call stands in messages and deltas. Pure. */
import { type ForcedTool, forcedTool, type Tool, type ToolChoice } from '../forced-tool.ts'
import { unserved } from '../unserved.ts'
import type { ChatRequest } from './schema.ts'

/** `legacy`: what was a function before there were tools. */
export type ChatTool = ForcedTool & { legacy: boolean }

/** How the words of an answer stand in its message, and in the pieces of a stream. */
export type Words = {
  opening: object
  piece(text: string): object
  message(text: string): object
}

export function toolOf({ tools, tool_choice, functions, function_call }: ChatRequest): ChatTool | undefined {
  const tool = forcedTool(
    (tools ?? []).map(({ function: one }, index): Tool | undefined =>
      one ? { ...one, parameters: one.parameters, field: `tools/${index}/function/parameters` } : undefined,
    ),
    choiceOf(tool_choice),
  )
  if (tool) return { ...tool, legacy: false }
  const called = forcedTool(
    (functions ?? []).map(
      (one, index): Tool => ({ ...one, parameters: one.parameters, field: `functions/${index}/parameters` }),
    ),
    function_call && typeof function_call === 'object'
      ? { name: function_call.name, field: 'function_call/name' }
      : function_call === 'none'
        ? 'none'
        : 'auto',
  )
  return called && { ...called, legacy: true }
}

function choiceOf(choice: ChatRequest['tool_choice']): ToolChoice {
  if (choice && typeof choice === 'object') {
    if (choice.function) return { name: choice.function.name, field: 'tool_choice/function/name' }
    throw unserved('This tool_choice', 'it may be none, required, or name a function')
  }
  if (choice === 'required') return 'any'
  return choice === 'none' ? 'none' : 'auto'
}

export const plainWords: Words = {
  opening: { content: '' },
  piece: (content) => ({ content }),
  message: (content) => ({ content, refusal: null }),
}

/** `id` is the call's, which a later message may refer to. */
export function callWords({ name, legacy }: ChatTool, id: string): Words {
  const called = (text: string) => ({ name, arguments: text })
  if (legacy) {
    return {
      opening: { content: null, function_call: called('') },
      piece: (text) => ({ function_call: { arguments: text } }),
      message: (text) => ({ content: null, refusal: null, function_call: called(text) }),
    }
  }
  const call = (text: string) => ({ id, type: 'function', function: called(text) })
  return {
    opening: { content: null, tool_calls: [{ index: 0, ...call('') }] },
    piece: (text) => ({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
    message: (text) => ({ content: null, refusal: null, tool_calls: [call(text)] }),
  }
}
