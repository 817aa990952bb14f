/**
 * `GET /props`, by which clients of llama-server learn the size of the context and that pictures are taken. The engine's own
 * answer tells paths and the mark that stands for pictures, which are nobody's business.
 */
import type { FastifyPluginAsync } from 'fastify'
import type { DoorOptions } from './door.ts'
import { listedNames } from './model-name.ts'

export const propsRoute: FastifyPluginAsync<DoorOptions> = async (app, door) => {
  app.get('/props', { schema: { summary: 'What llama-server tells of itself' } }, async () => {
    const { contextTokens, slots, name } = door.model()
    const [alias = name] = listedNames(door.model())
    return {
      default_generation_settings: { n_ctx: contextTokens },
      total_slots: slots,
      model_alias: alias,
      // Where others show a path, clients show its last part.
      model_path: alias,
      modalities: { vision: true, audio: false, video: false },
      build_info: `llama-vision ${door.version}`,
    }
  })
}
