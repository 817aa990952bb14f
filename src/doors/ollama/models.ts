/** What Ollama's clients ask before they ask the model: its names, what it can, which version speaks, and to have it pulled. */
import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { failure } from '../../errors.ts'
import type { ModelFacts } from '../../model/facts.ts'
import type { DoorOptions, ModelFile } from '../door.ts'
import { isNameOf, listedNames, requireModel } from '../model-name.ts'
import { optional } from '../schema.ts'

/** The last Ollama that ran Llama 3.2 Vision. Clients refuse what is older than they know: VS Code below 0.6.4. */
const spokenVersion = '0.24.0'

const tags = ['Ollama']

/** Older clients say `name`; some send both, one of them empty. */
const naming = { model: optional(Type.String()), name: optional(Type.String()) }

export const modelRoutes: FastifyPluginAsyncTypebox<DoorOptions> = async (app, door) => {
  app.get(
    '/version',
    { schema: { summary: 'Version of Ollama that is spoken, and of this', tags } },
    async () => ({
      version: spokenVersion,
      llama_vision: door.version,
    }),
  )

  app.get('/tags', { schema: { summary: 'Names of the model', tags } }, async () => ({
    models: await listing(door),
  }))

  app.get('/ps', { schema: { summary: 'The loaded model', tags } }, async () => {
    if (door.engineStatus().state !== 'ready') return { models: [] }
    return {
      models: (await listing(door)).map((entry) => ({
        ...entry,
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
        body: Type.Object(naming, { examples: [{ model: 'demo' }] }),
      },
    },
    async ({ body }) => {
      const { name, contextTokens } = requireModel(door.model(), body.model || body.name)
      const facts = door.engineStatus().model
      return {
        modelfile: `FROM ${name}\n`,
        parameters: `num_ctx ${contextTokens}`,
        // The engine has the model's own, in another language. This is theirs for models of which they know none.
        template: '{{ .Prompt }}',
        details: detailsOf(facts),
        model_info: modelInfo(facts, door),
        capabilities: ['completion', 'vision'],
        modified_at: (await door.modelFile()).modified.toISOString(),
      }
    },
  )

  app.post(
    '/pull',
    {
      schema: {
        summary: 'Have the model that is there',
        tags,
        body: Type.Object(
          { ...naming, stream: optional(Type.Boolean()) },
          { examples: [{ model: 'demo', stream: false }] },
        ),
      },
    },
    async ({ body }, reply) => {
      const asked = body.model || body.name
      if (!asked) throw failure('missing_field', { field: 'model' })
      if (!isNameOf(door.model(), asked)) {
        throw failure('not_supported', {
          field: 'model',
          feature: `Pulling ${asked.slice(0, 200)}`,
          reason: `this service answers as ${listedNames(door.model()).join(', ')}; others are fetched by the command llama-vision pull`,
        })
      }
      const statuses = [{ status: 'pulling manifest' }, { status: 'success' }]
      if (body.stream === false) return statuses.at(-1)
      return reply
        .type('application/x-ndjson')
        .send(statuses.map((status) => `${JSON.stringify(status)}\n`).join(''))
    },
  )
}

async function listing(door: DoorOptions) {
  const file = await door.modelFile()
  const entry = {
    modified_at: file.modified.toISOString(),
    size: file.bytes,
    digest: digestOf(door.model().name, file),
    details: detailsOf(door.engineStatus().model),
  }
  return listedNames(door.model()).map((name) => ({ name, model: name, ...entry }))
}

/** Theirs is the hash of a manifest, which a bare file has not: this one only changes when the file does. */
const digestOf = (name: string, { bytes, modified }: ModelFile): string =>
  createHash('sha256').update(`${name} ${bytes} ${modified.getTime()}`).digest('hex')

function detailsOf(facts: ModelFacts | undefined) {
  const family = facts?.architecture ?? ''
  return {
    parent_model: '',
    format: 'gguf',
    family,
    // By `clip` older clients know that a model sees.
    families: facts ? [family, 'clip'] : [],
    parameter_size: '',
    quantization_level: '',
  }
}

/** Keys as in the model's file. Their command line reads the architecture without looking whether there is one. */
function modelInfo(facts: ModelFacts | undefined, door: DoorOptions) {
  if (!facts) return { 'general.architecture': '' }
  const { architecture, projector } = facts
  return {
    'general.architecture': architecture,
    'general.basename': listedNames(door.model())[0],
    // What clients may fill, which is what they read it for.
    [`${architecture}.context_length`]: Math.min(facts.contextLength, door.model().contextTokens),
    [`${architecture}.embedding_length`]: facts.embeddingLength,
    [`${architecture}.vision.image_size`]: projector.imageSize,
    [`${architecture}.vision.patch_size`]: projector.patchSize,
    [`${architecture}.vision.embedding_length`]: projector.embeddingLength,
  }
}
