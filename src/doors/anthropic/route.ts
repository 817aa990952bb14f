/** Anthropic's doors: `/v1/messages` and how many tokens one takes. What is not served says why. */
import { randomUUID } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { failure } from '../../errors.ts'
import { answerFailures } from '../../http/failure.ts'
import { limited } from '../../http/limit.ts'
import { answerQuestion, inTheirWords } from '../answer.ts'
import { type DoorOptions, refuseWhenFull } from '../door.ts'
import type { ForcedTool } from '../forced-tool.ts'
import { requireModel } from '../model-name.ts'
import { questionOf, toolOf } from './question.ts'
import { countRequest, messagesRequest } from './schema.ts'
import { errorBody, messageWording } from './wording.ts'

const fieldsOf = (tool: ForcedTool | undefined) => ({
  json_schema: tool?.field ?? 'output_config/format/schema',
  prompt: 'messages',
  image: 'messages',
})

export const anthropicRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, door) => {
  const tags = ['Anthropic']
  answerFailures(app, errorBody)
  app.addHook('onSend', (request, reply, _payload, done) => {
    // The name by which their clients look for it.
    reply.header('request-id', request.id)
    done()
  })

  app.post(
    '',
    {
      ...refuseWhenFull(door, 'anthropic'),
      schema: { summary: 'Answer as Anthropic does it', tags, body: messagesRequest },
    },
    async (request, reply) => {
      const asked = request.body
      const model = requireModel(door.model(), asked.model)
      const tool = toolOf(asked)
      const id = () => randomUUID().replaceAll('-', '')
      return answerQuestion(
        request,
        reply,
        door,
        {
          door: 'anthropic',
          question: questionOf(asked, model, tool),
          stream: asked.stream === true,
          fields: fieldsOf(tool),
        },
        messageWording({ id: `msg_${id()}`, callId: `toolu_${id()}`, model: model.name }, tool),
      )
    },
  )

  app.post(
    '/count_tokens',
    {
      ...refuseWhenFull(door, 'anthropic'),
      schema: { summary: 'Tokens of a prompt, pictures included', tags, body: countRequest },
    },
    async (request, reply) => {
      const asked = request.body
      const model = requireModel(door.model(), asked.model)
      const tool = toolOf(asked)
      const question = questionOf(asked, model, tool)
      const { promptTokens } = await inTheirWords(fieldsOf(tool), () =>
        limited(reply, door.limits, (signal) => door.plan({ question, caller: request.caller, signal })),
      )
      return { input_tokens: promptTokens }
    },
  )

  for (const url of ['/batches', '/batches/*']) {
    app.all(url, { schema: { hide: true } }, async () => {
      throw failure('not_supported', {
        feature: `/v1/messages${url}`,
        reason: 'nothing is stored; send the requests one by one',
      })
    })
  }
}
