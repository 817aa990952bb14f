/** Ollama's doors under `/api`, for clients whose model it does not load any more. What is not offered says why. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { answerFailures } from '../../http/failure.ts'
import { parseBody } from '../../http/json.ts'
import type { Question } from '../../inference/question.ts'
import { answerQuestion } from '../answer.ts'
import { type DoorOptions, refuseWhenFull } from '../door.ts'
import { requireModel } from '../model-name.ts'
import { refuseRoutes } from '../unserved.ts'
import { modelRoutes } from './models.ts'
import { chatQuestion, generateQuestion } from './question.ts'
import { chatRequest, generateRequest } from './schema.ts'
import { chatText, errorBody, generateText, loadedBody, type OllamaText, ollamaWording } from './wording.ts'

const unserved: Record<string, string> = {
  '/embed': 'the model answers questions; it makes no embeddings',
  '/embeddings': 'the model answers questions; it makes no embeddings',
  '/push': 'nothing is published from here',
  '/create': 'models are files in the folder MODEL_PATH',
  '/copy': 'models are files in the folder MODEL_PATH',
  '/delete': 'models are files in the folder MODEL_PATH',
  '/blobs/*': 'models are files in the folder MODEL_PATH',
}

export const ollamaRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, door) => {
  const tags = ['Ollama']
  answerFailures(app, errorBody)
  // Ollama takes JSON under any name, and `curl -d` calls it a form.
  app.addContentTypeParser('application/x-www-form-urlencoded', async (request: FastifyRequest) =>
    parseBody(await door.readBody(request)),
  )

  function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    question: Question | undefined,
    { shape, stream }: { shape: OllamaText; stream: boolean | null | undefined },
  ) {
    if (!question) return loadedBody(shape)
    const asked = {
      door: 'ollama' as const,
      question,
      // Ollama streams unless told otherwise.
      stream: stream !== false,
      fields: { json_schema: 'format' },
    }
    return answerQuestion(request, reply, door, asked, ollamaWording(shape))
  }

  app.post(
    '/generate',
    {
      ...refuseWhenFull(door, 'ollama'),
      schema: { summary: 'Answer a prompt as Ollama does it', tags, body: generateRequest },
    },
    async (request, reply) => {
      const { model, stream } = request.body
      const { name, contextTokens } = requireModel(door.model(), model)
      const question = generateQuestion(request.body, contextTokens)
      return answer(request, reply, question, { shape: generateText(model ?? name), stream })
    },
  )

  app.post(
    '/chat',
    {
      ...refuseWhenFull(door, 'ollama'),
      schema: { summary: 'Chat as Ollama does it', tags, body: chatRequest },
    },
    async (request, reply) => {
      const { model, stream } = request.body
      const { name, contextTokens } = requireModel(door.model(), model)
      const question = chatQuestion(request.body, contextTokens)
      return answer(request, reply, question, { shape: chatText(model ?? name), stream })
    },
  )

  await modelRoutes(app, door)

  refuseRoutes(app, '/api', unserved)
}
