/** Ollama's doors under `/api`, for clients whose model it does not load any more. The rest says so with 501. */
import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EngineStatus } from '../../engine/supervisor.ts'
import { failure } from '../../errors.ts'
import { answerFailures } from '../../http/failure.ts'
import { limited } from '../../http/limit.ts'
import { streamAnswer } from '../../http/stream.ts'
import type { Question } from '../../inference/question.ts'
import type { ShelvedModel } from '../../model/listing.ts'
import type { DoorOptions } from '../door.ts'
import { optional } from '../schema.ts'
import {
  chatQuestion,
  chatRequest,
  chatWording,
  errorBody,
  finalBody,
  generateQuestion,
  generateRequest,
  generateWording,
  lines,
  loadedBody,
  type Wording,
} from './translation.ts'

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

export type OllamaOptions = DoorOptions & { version: string; engineStatus: () => EngineStatus }

export const ollamaRoutes: FastifyPluginAsyncTypebox<OllamaOptions> = async (app, door) => {
  const tags = ['Ollama']
  answerFailures(app, { maxBodyBytes: door.maxBodyBytes, shape: errorBody })
  // Ollama takes JSON under any name, and `curl -d` calls it a form.
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    app.getDefaultJsonParser('ignore', 'ignore'),
  )

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    question: Question | undefined,
    { wording, stream }: { wording: Wording; stream: boolean | null | undefined },
  ) {
    if (!question) return loadedBody(wording)
    if (stream === false) {
      const outcome = await limited(reply, door.limits, (signal) =>
        door.infer({ door: 'ollama', question, signal }),
      )
      return finalBody(wording, outcome)
    }
    return streamAnswer(request, reply, lines(wording), (tell) =>
      limited(reply, door.limits, (signal) => door.infer({ door: 'ollama', question, signal, tell })),
    )
  }

  app.post(
    '/generate',
    { schema: { summary: 'Answer a prompt as Ollama does it', tags, body: generateRequest } },
    async (request, reply) => {
      const { model, stream } = request.body
      door.names.require(model)
      const wording = generateWording(model ?? door.names.name)
      return answer(request, reply, generateQuestion(request.body, door.contextSize), { wording, stream })
    },
  )

  app.post(
    '/chat',
    { schema: { summary: 'Chat as Ollama does it', tags, body: chatRequest } },
    async (request, reply) => {
      const { model, stream } = request.body
      door.names.require(model)
      const wording = chatWording(model ?? door.names.name)
      return answer(request, reply, chatQuestion(request.body, door.contextSize), { wording, stream })
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
    const loaded = (await door.models()).filter(({ name }) => name === door.names.name)
    return {
      models: loaded.map((model) => ({
        ...listing(model, door),
        expires_at: '9999-12-31T23:59:59Z',
        size_vram: 0,
        context_length: door.contextSize,
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
      door.names.require(body.model ?? body.name)
      const model = door.engineStatus().model
      const [listed] = (await door.models()).filter(({ name }) => name === door.names.name)
      return {
        modelfile: `FROM ${door.names.name}\n`,
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

function listing({ name, bytes, modified }: ShelvedModel, door: OllamaOptions) {
  return {
    name,
    model: name,
    modified_at: modified.toISOString(),
    size: bytes,
    // Theirs is the hash of a manifest, which a bare file has not: this one only changes when the file does.
    digest: createHash('sha256').update(`${name} ${bytes} ${modified.getTime()}`).digest('hex'),
    details: name === door.names.name ? detailsOf(door) : { ...unknownDetails },
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

function detailsOf(door: OllamaOptions) {
  const family = door.engineStatus().model?.architecture ?? ''
  return { ...unknownDetails, family, families: family ? [family] : [] }
}
