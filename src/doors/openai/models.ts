/**
 * `/v1/models`: the model under each of its names. An entry has what clients of llama-server, vLLM and OpenRouter look
 * for beyond OpenAI's own fields: the size of the context, and that pictures are taken.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { DoorOptions } from '../door.ts'
import { listedNames, requireModel } from '../model-name.ts'

const tags = ['OpenAI']

export const modelRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, door) => {
  const entry = async (id: string) => {
    const { bytes, modified } = await door.modelFile()
    const { contextTokens } = door.model()
    const trained = door.engineStatus().model?.contextLength
    return {
      id,
      object: 'model',
      created: Math.floor(modified.getTime() / 1000),
      owned_by: 'llama-vision',
      context_length: contextTokens,
      max_model_len: contextTokens,
      architecture: { input_modalities: ['text', 'image'], output_modalities: ['text'] },
      meta: { n_ctx: contextTokens, n_ctx_train: trained ?? null, size: bytes },
    }
  }

  app.get('/models', { schema: { summary: 'Names of the model', tags } }, async () => ({
    object: 'list',
    data: await Promise.all(listedNames(door.model()).map(entry)),
  }))

  const named = async (asked: string) => {
    const { name } = requireModel(door.model(), asked)
    return entry(asked || name)
  }
  const params = Type.Object({ id: Type.String() })
  app.get('/models/:id', { schema: { summary: 'The model by a name', tags, params } }, ({ params: { id } }) =>
    named(id),
  )
  // Names may have slashes in them.
  const rest = Type.Object({ '*': Type.String() })
  app.get('/models/*', { schema: { hide: true, params: rest } }, ({ params }) => named(params['*']))
}
