/** OpenAI's `/v1/responses`. Nothing is stored: each request brings its whole conversation. */
import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { failure } from '../../errors.ts'
import { answerFailures } from '../../http/failure.ts'
import { answerQuestion } from '../answer.ts'
import { type DoorOptions, refuseWhenFull } from '../door.ts'
import { requireModel } from '../model-name.ts'
import { errorBody } from '../openai/wording.ts'
import { questionOf, toolOf } from './question.ts'
import { responsesRequest } from './schema.ts'
import { responseWording } from './wording.ts'

export const responsesRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, door) => {
  answerFailures(app, errorBody)

  app.post(
    '',
    {
      ...refuseWhenFull(door, 'openai'),
      schema: { summary: 'Answer as OpenAI does it', tags: ['OpenAI'], body: responsesRequest },
    },
    async (request, reply) => {
      const asked = request.body
      const model = requireModel(door.model(), asked.model)
      const tool = toolOf(asked)
      const question = questionOf(asked, model, tool)
      const { temperature, top_p, max_tokens } = question.sampling
      const id = () => randomUUID().replaceAll('-', '')
      const facts = {
        id: `resp_${id()}`,
        itemId: id(),
        model: model.name,
        created: Math.floor(Date.now() / 1000),
        settings: {
          temperature,
          top_p,
          max_output_tokens: max_tokens,
          instructions: asked.instructions ?? null,
        },
      }
      return answerQuestion(
        request,
        reply,
        door,
        {
          door: 'openai',
          question,
          stream: asked.stream === true,
          fields: { json_schema: tool?.field ?? 'text/format/schema', prompt: 'input', image: 'input' },
        },
        responseWording(facts, tool),
      )
    },
  )

  app.all('/*', { schema: { hide: true } }, async () => {
    throw failure('not_supported', {
      feature: '/v1/responses/*',
      reason: 'nothing is stored; an answer is told once',
    })
  })
}
