/** Ollama's doors under `/api`, for clients whose model it does not load any more. The rest says so with 501. */
import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { failure } from '../../errors.ts'
import { answerFailures } from '../../http/failure.ts'
import { parseBody } from '../../http/json.ts'
import type { Question } from '../../inference/question.ts'
import type { ListedModel } from '../../model/listing.ts'
import { answerQuestion } from '../answer.ts'
import { type DoorOptions, refuseWhenFull } from '../door.ts'
import { requireModel } from '../model-name.ts'
import { optional } from '../schema.ts'
import { chatQuestion, generateQuestion } from './question.ts'
import { chatRequest, generateRequest } from './schema.ts'
import { chatText, errorBody, generateText, loadedBody, type OllamaText, ollamaWording } from './wording.ts'

const unserved: Record<string, string> = {
  '/embed': 'the model answers questions; it makes no embeddings',
  '/embeddings': 'the model answers questions; it makes no embeddings',
  '/pull': 'models are fetched by the command llama-vision pull',
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
    // Ollama streams unless told otherwise.
    const asked = { door: 'ollama' as const, question, stream: stream !== false }
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

  app.get('/version', { schema: { summary: 'Version of this service', tags } }, async () => ({
    version: door.version,
  }))

  app.get('/tags', { schema: { summary: 'Models in the folder', tags } }, async () => ({
    models: (await door.models()).map((model) => listing(model, door)),
  }))

  app.get('/ps', { schema: { summary: 'The loaded model', tags } }, async () => {
    if (door.engineStatus().state !== 'ready') return { models: [] }
    const loaded = (await door.models()).filter(({ name }) => name === door.model().name)
    return {
      models: loaded.map((model) => ({
        ...listing(model, door),
        expires_at: '9999-12-31T23:59:59Z',
        size_vram: 0,
        context_length: door.model().contextTokens,
      })),
    }
  })

  app.post(
    '/show',
    {
      schema: {
        summary: 'What is known of the model',
        tags,
        body: Type.Object(
          { model: optional(Type.String()), name: optional(Type.String()) },
          { examples: [{ model: 'demo' }] },
        ),
      },
    },
    async ({ body }) => {
      const { name } = requireModel(door.model(), body.model ?? body.name)
      const model = door.engineStatus().model
      const [listed] = (await door.models()).filter(({ name }) => name === door.model().name)
      return {
        modelfile: `FROM ${name}\n`,
        parameters: '',
        template: '',
        details: detailsOf(door),
        model_info: {
          'general.architecture': model?.architecture ?? null,
          ...(model && { [`${model.architecture}.context_length`]: model.contextLength }),
        },
        capabilities: ['completion', 'vision'],
        ...(listed && { modified_at: listed.modified.toISOString() }),
      }
    },
  )

  for (const [url, reason] of Object.entries(unserved)) {
    app.all(url, { schema: { hide: true } }, async () => {
      throw failure('not_supported', { feature: `/api${url}`, reason })
    })
  }
}

function listing({ name, bytes, modified }: ListedModel, door: DoorOptions) {
  return {
    name,
    model: name,
    modified_at: modified.toISOString(),
    size: bytes,
    // Theirs is the hash of a manifest, which a bare file has not: this one only changes when the file does.
    digest: createHash('sha256').update(`${name} ${bytes} ${modified.getTime()}`).digest('hex'),
    details: name === door.model().name ? detailsOf(door) : { ...unknownDetails },
  }
}

const unknownDetails = {
  parent_model: '',
  format: 'gguf',
  family: '',
  families: [] as string[],
  parameter_size: '',
  quantization_level: '',
}

function detailsOf(door: DoorOptions) {
  const family = door.engineStatus().model?.architecture ?? ''
  return { ...unknownDetails, family, families: family ? [family] : [] }
}
