/** What a front door needs of the house: one way to an answer, the limits, and the names of the models. */

import type { Limits } from '../http/limit.ts'
import type { Call } from '../inference/infer.ts'
import type { Outcome } from '../inference/question.ts'
import type { ShelvedModel } from '../model/listing.ts'
import type { ModelNames } from './model-name.ts'

export type DoorOptions = {
  infer: (call: Call) => Promise<Outcome>
  names: ModelNames
  /** The loaded one, whose name is `names.name`, and what else the folder holds. */
  models: () => Promise<ShelvedModel[]>
  contextSize: number
  limits: Limits
  maxBodyBytes: number
}
