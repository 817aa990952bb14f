import { Failure } from '../../src/errors.ts'

/** The failure that `work` throws, for facts to be compared whole: tap's `match` takes a part of a text for the text. */
export function refusal(work: () => unknown): Failure {
  try {
    work()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('Nothing was refused')
}
