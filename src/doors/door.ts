/** What a front door needs of the house: one way to an answer, the limits, and what model is served. */
import type { FastifyRequest } from 'fastify'
import type { EngineStatus } from '../engine/status.ts'
import type { ReadBody } from '../http/body.ts'
import type { Inference } from '../inference/infer.ts'
import type { Door } from '../metrics.ts'
import type { ModelSettings } from '../model/settings.ts'
import type { AnswerParts } from './answer.ts'

/** Of the model that is served, also before it has been found. `bytes` is its size, 0 when not known. */
export type ModelFile = { bytes: number; modified: Date }

export type DoorOptions = AnswerParts & {
  plan: Inference['plan']
  requireRoom: Inference['requireRoom']
  /** Of the model that is served now. */
  model: () => ModelSettings
  modelFile: () => Promise<ModelFile>
  engineStatus: () => EngineStatus
  version: string
  /** For bodies that are no JSON. */
  readBody: ReadBody
}

/** What a route does before it reads a body: megabytes would be read of a question for which there is no room. */
export const refuseWhenFull = ({ requireRoom }: Pick<DoorOptions, 'requireRoom'>, door: Door) => ({
  onRequest: async ({ caller }: FastifyRequest) => requireRoom({ door, caller }),
})
