/** OpenAI's doors: `/v1/chat/completions` and `/v1/models`. What is not served says why. */
import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { answerFailures } from '../../http/failure.ts'
import { answerQuestion } from '../answer.ts'
import { type DoorOptions, refuseWhenFull } from '../door.ts'
import { requireModel } from '../model-name.ts'
import { refuseRoutes } from '../unserved.ts'
import { modelRoutes } from './models.ts'
import { questionOf, schemaFieldOf } from './question.ts'
import { chatRequest } from './schema.ts'
import { toolOf } from './tools.ts'
import { chatWording, errorBody } from './wording.ts'

const unserved: Record<string, string> = {
  '/completions': 'there is no completion of bare text; use /v1/chat/completions',
  '/embeddings': 'the model answers questions; it makes no embeddings',
  '/images/*': 'the model reads pictures; it makes none',
  '/audio/*': 'the model reads pictures and text',
  '/files': 'nothing is stored; send pictures in the request',
  '/files/*': 'nothing is stored; send pictures in the request',
  '/batches': 'nothing is stored; send the requests one by one',
}

export const openaiRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, door) => {
  answerFailures(app, errorBody)

  app.post(
    '/chat/completions',
    {
      ...refuseWhenFull(door, 'openai'),
      schema: { summary: 'Chat as OpenAI does it', tags: ['OpenAI'], body: chatRequest },
    },
    async (request, reply) => {
      const asked = request.body
      const model = requireModel(door.model(), asked.model)
      const tool = toolOf(asked)
      const answers = asked.n ?? 1
      const facts = {
        id: `chatcmpl-${randomUUID()}`,
        model: model.name,
        created: Math.floor(Date.now() / 1000),
        callId: `call_${randomUUID().replaceAll('-', '')}`,
      }
      const withUsage = asked.stream_options?.include_usage === true
      return answerQuestion(
        request,
        reply,
        door,
        {
          door: 'openai',
          question: questionOf(asked, model, tool),
          stream: asked.stream === true,
          answers,
          fields: {
            json_schema: tool?.field ?? schemaFieldOf(asked),
            prompt: 'messages',
            image: 'messages',
          },
        },
        chatWording(facts, { answers, withUsage, tool }),
      )
    },
  )

  await modelRoutes(app, door)

  refuseRoutes(app, '/v1', unserved)
}
