/**
 * A tool that a client insists on: the answer is held to its parameters, as to any JSON schema, and told as a call of it.
 * Whether to call one, and which, is never left to the model: those of this size do not choose reliably.
 */
import { failure } from '../errors.ts'
import type { JsonSchema } from '../inference/question.ts'
import { unserved } from './unserved.ts'

/** `field` is where the caller put the parameters. */
export type Tool = { name: string; parameters: JsonSchema | null | undefined; field: string }

/** What the words of all families for it come to; `field` is where the caller put the name. */
export type ToolChoice = 'none' | 'auto' | 'any' | { name: string; field: string }

export type ForcedTool = {
  name: string
  schema: JsonSchema
  field: string
  /** Whether it was called by its name, and not for being the only one. */
  byName: boolean
}

/**
 * Undefined where no tool is to be called. `tools` has undefined for what is no function of the caller's. Throws
 * `not_supported` for a choice that is left to the model.
 */
export function forcedTool(tools: readonly (Tool | undefined)[], choice: ToolChoice): ForcedTool | undefined {
  if (choice === 'none') return undefined
  if (typeof choice === 'object') return forced(named(tools, choice), true)
  if (choice === 'any') {
    const [only] = tools
    if (tools.length === 0) throw failure('missing_field', { field: 'tools' })
    if (tools.length > 1)
      throw unserved('Choosing among several tools', 'name the one to call in tool_choice')
    if (!only) throw unserved('A tool that the service runs', 'it calls nothing; send a function of your own')
    return forced(only, false)
  }
  if (tools.length === 0) return undefined
  throw unserved(
    'Calling tools freely',
    'vision models of this size do not choose reliably; name the tool to call in tool_choice, or ask for JSON by a schema',
  )
}

const mostNames = 20
const longestName = 64

function named(tools: readonly (Tool | undefined)[], { name, field }: { name: string; field: string }): Tool {
  const own = tools.filter((tool) => tool !== undefined)
  const tool = own.find((one) => one.name === name)
  if (tool) return tool
  const names = own.slice(0, mostNames).map((one) => one.name.slice(0, longestName))
  const expected = names.length > 0 ? `one of ${names.join(', ')}` : 'a function in tools'
  throw failure('unknown_choice', { field, expected, actual: name.slice(0, longestName) })
}

function forced({ name, parameters, field }: Tool, byName: boolean): ForcedTool {
  // Without parameters there are none to give.
  const schema: JsonSchema = parameters
    ? { type: 'object', ...parameters }
    : { type: 'object', properties: {}, additionalProperties: false }
  if (schema.type !== 'object')
    throw failure('invalid_json_schema', { field, reason: 'the parameters of a tool are an object' })
  return { name, schema, field, byName }
}
