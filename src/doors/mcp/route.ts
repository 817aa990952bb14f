/**
 * `POST /mcp`: the Model Context Protocol over streamable HTTP, without sessions: each request is complete in itself, and
 * its answer is the only stream there is.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyRequest } from 'fastify'
import { failure } from '../../errors.ts'
import { answerFailures } from '../../http/failure.ts'
import { redSquare } from '../../plain-squares.ts'
import type { DoorOptions } from '../door.ts'
import { callsUnderWay } from './calls.ts'
import { errorBody } from './wording.ts'

/** For the documentation: the messages themselves are checked by the SDK. */
const rpcMessage = Type.Object(
  {
    jsonrpc: Type.Literal('2.0'),
    id: Type.Optional(Type.Union([Type.String(), Type.Integer()])),
    method: Type.String({ description: '`initialize`, `tools/list`, `tools/call`, ...' }),
    params: Type.Optional(Type.Object({}, { additionalProperties: true })),
  },
  {
    examples: [
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      {
        jsonrpc: '2.0',
        id: 2,
        method: 'tools/call',
        params: { name: 'look', arguments: { picture: redSquare, question: 'What colour is it?' } },
      },
    ],
  },
)

/** More than any message without a picture has. */
const smallBytes = 64 * 1024

export const mcpRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, options) => {
  answerFailures(app, errorBody)
  const door = { ...options, calls: callsUnderWay() }

  app.post(
    '',
    {
      // Greetings and cancellations are taken however full it is.
      onRequest: async (request) => {
        if (mayBeLarge(request)) door.requireRoom({ door: 'mcp', caller: request.caller })
      },
      schema: {
        summary: 'Model Context Protocol: the tool look',
        tags: ['MCP'],
        body: rpcMessage,
      },
      validatorCompiler: () => () => true,
    },
    async (request, reply) => (await import('./exchange.ts')).answerMessage(request, reply, door),
  )

  app.route({
    method: ['GET', 'DELETE'],
    url: '',
    schema: { hide: true },
    handler: async ({ method }, reply) => {
      reply.header('allow', 'POST')
      throw failure('method_not_allowed', { actual: method, expected: 'POST' })
    },
  })
}

const mayBeLarge = ({ headers }: FastifyRequest): boolean =>
  !(Number(headers['content-length']) <= smallBytes)
