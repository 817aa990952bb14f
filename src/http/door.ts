/** What a front door needs of the house: one way to an answer, the limits, and the names of the models. */
import type { Call } from '../inference/infer.ts'
import type { Outcome } from '../inference/question.ts'
import type { Limits } from './limit.ts'
import type { ModelNames } from './model-name.ts'

/** A model file in the folder; only the one whose name is `names.name` is loaded. */
export type ModelListing = { name: string; bytes: number; modified: Date }

export type DoorOptions = {
  infer: (call: Call) => Promise<Outcome>
  names: ModelNames
  models: () => Promise<ModelListing[]>
  contextSize: number
  limits: Limits
  maxBodyBytes: number
}
