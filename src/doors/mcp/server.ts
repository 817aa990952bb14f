/**
 * The MCP server: one tool, `look`. How messages travel and who looks is said by whoever makes it. What goes wrong with
 * a question is a result with its sentence, since the model that asked can read it and ask better; only what is no
 * question at all is an error of the protocol.
 */
import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'
import { messageOf } from '../../errors.ts'
import { type Progress, progressTeller, type Step } from './progress.ts'
import { type Asked, askedOf } from './question.ts'

export type Looked = {
  text: string
  /** The answer was not finished when its tokens were used up. */
  cutOff: boolean
}

/** Rejects with an Error whose message the client may read. */
export type Look = (asked: Asked, way: { signal: AbortSignal; tell: (step: Step) => void }) => Promise<Looked>

export type LookServerParts = {
  version: string
  /** What a picture may be, for the model that asks. */
  pictures: string
  look: Look
}

const instructions =
  'look asks a vision model on an ordinary CPU: a new picture takes it seconds to minutes, another question about the same picture is quick.'

export function lookServer({ version, pictures, look }: LookServerParts): Server {
  const server = new Server(
    { name: 'llama-vision', title: 'llama-vision', version },
    { capabilities: { tools: {} }, instructions, jsonSchemaValidator: noValidator },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [toolOf(pictures)] }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    if (params.name !== 'look') {
      throw new McpError(ErrorCode.InvalidParams, 'There is no tool of this name; there is look')
    }
    const progressToken = params._meta?.progressToken
    const progress = progressTeller((now: Progress) => {
      if (progressToken === undefined) return
      const told = { method: 'notifications/progress' as const, params: { progressToken, ...now } }
      // Who has gone does not hear of it.
      sendNotification(told).catch(() => {})
    })
    try {
      return resultOf(await look(askedOf(params.arguments ?? {}), { signal, tell: progress.tell }))
    } catch (error) {
      return refusalOf(error)
    } finally {
      progress.end()
    }
  })
  return server
}

/** The SDK would check with it what it asked a client for. Nothing is asked, and making its own takes longer than all else. */
const noValidator = {
  getValidator() {
    throw new Error('The server asks its clients for nothing')
  },
}

const toolOf = (pictures: string) => ({
  name: 'look',
  title: 'Look at a picture',
  description: 'Asks a vision model a question about a picture, or about several, and returns its answer.',
  inputSchema: {
    type: 'object' as const,
    properties: {
      picture: {
        description: `${pictures} Several as a list, if the model takes several.`,
        anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' }, minItems: 1 }],
      },
      question: {
        type: 'string',
        description:
          'What is to be answered about the picture. The model sees nothing else of the conversation.',
      },
    },
    required: ['picture', 'question'],
  },
  annotations: { title: 'Look at a picture', readOnlyHint: true },
})

const content = (...texts: string[]) => texts.map((text) => ({ type: 'text' as const, text }))

const resultOf = ({ text, cutOff }: Looked): CallToolResult => ({
  content: cutOff ? content(text, 'The answer was cut off here: it was too long.') : content(text),
})

function refusalOf(error: unknown): CallToolResult {
  const after = error instanceof Error && 'retryAfterSeconds' in error ? error.retryAfterSeconds : undefined
  const advice = after === undefined ? '' : `. Try again in ${after} s`
  return { isError: true, content: content(`${messageOf(error)}${advice}`) }
}
